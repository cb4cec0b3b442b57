"""What labels are worth: costs, savings, and the sentences on the last labels, against numbers worked out by hand."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.errors import LabelsAwaited, UsageError
from al_lightning.labels.store import LabelStore
from al_lightning.metrics import MIOU
from al_lightning.results.curves import Curve
from al_lightning.results.label_value import LabelCost, advice, label_cost, label_costs, savings, siblings_of
from al_lightning.results.series import series_of_runs
from al_lightning.runs.journal import CycleRecord, Run, RunRecord, read_run
from al_lightning.runs.store import RunStore
from al_lightning.runs.weights import with_tested
from tests.support.curve_runs import curves
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, parts_of

Call = Callable[..., Answer]
CLASSES = ("blue", "green", "red")


def cost(labelled: tuple[int, ...], values: tuple[float, ...], target: float) -> LabelCost:
    return label_cost(Curve("random", 0, "", MIOU, (), labelled, values), target)


def test_label_cost_by_hand() -> None:
    labelled, values = (20, 40, 80), (50.0, 60.0, 70.0)
    assert cost(labelled, values, 55) == LabelCost(30.0)
    assert cost(labelled, values, 67.5) == LabelCost(70.0)  # 40 + 40 x 7.5 / 10
    assert cost(labelled, values, 60) == LabelCost(40.0)
    assert cost(labelled, values, 50) == LabelCost(20.0, at_most=True)
    assert cost(labelled, values, 71) == LabelCost(None)
    assert cost((20, 40, 60), (50.0, 60.0, 40.0), 55) == LabelCost(30.0)  # what falls later was reached
    assert cost((20, 40, 60), (50.0, 40.0, 60.0), 55) == LabelCost(55.0)
    assert cost((), (), 55) == LabelCost(None)
    assert [str(cost(labelled, values, target)) for target in (40, 55, 80)] == ["at most 20", "30", "never"]


def test_the_saving_against_random_by_hand() -> None:
    random = [[0.4, 0.5, 0.6]] * 3 + [[0.7, 0.7, 0.8], [0.1, 0.2, 0.3], [0.7, 0.8, 0.9]]
    entropy = [[0.4, 0.55, 0.6], [0.4, 0.45, 0.5], [0.6] * 3, [0.4, 0.5, 0.6], [0.5, 0.6, 0.7], [0.6, 0.6, 0.7]]
    baseline, method = series_of_runs(curves(random=random, entropy=entropy))
    assert savings(method, baseline, 55.0) == {
        0: "5 images (20 %)",  # random reaches 55 % half-way from 20 to 30 labels, entropy with 20: 5 of 25
        1: "only random reached it",
        2: "at least 15 images (60 %)",
        3: "at most -15 images (-150 %)",
        4: "only entropy reached it",
        5: "both reached it with their first labels",
    }
    assert label_costs(baseline, 55.0)[0] == LabelCost(25.0)


def run(*values: float, seed: int = 0, metric: str = "accuracy", sha: str = "s", first: int = 20) -> Run:
    """A run of 20, 40 ... labels with these values of its metric; of none where the metric is ""."""
    cycles = [
        CycleRecord(k, 0.1 * (k + 1), first + 20 * k, {metric: value} if metric else {}, [0] * 20)
        for k, value in enumerate(values)
    ]
    return Run(Path("r"), RunRecord("digits_random", seed, {"of": sha}, 200, "d"), list(range(first)), tuple(cycles))


def test_three_seeds_whose_gains_are_alike_are_beyond_noise() -> None:
    # Gains of 4, 5 and 6 points: mean 5, deviation 1, t(0.975, 2) = 4.302653, so 5 +- 4.302653 / sqrt(3) = 2.484138.
    runs = [run(0.5, 0.54, seed=0), run(0.5, 0.55, seed=1), run(0.5, 0.56, seed=2)]
    assert advice(runs[0], runs[1:]) == (
        "From 20 to 40 labels accuracy changed by +5.00 points over 3 seeds (95 % interval +2.52 to +7.48, t over "
        "seeds): more than the noise between seeds explains."
    )


def test_two_seeds_that_differ_cover_zero_and_the_price_is_told() -> None:
    # Gains of 2 and 4: mean 3, deviation sqrt(2), t(0.975, 1) = 12.706205, so 3 +- 12.706205.
    said = advice(run(0.5, 0.52), [run(0.6, 0.64, seed=3)], price=1.5, next_count=10)
    assert said == (
        "From 20 to 40 labels accuracy changed by +3.00 points over 2 seeds (95 % interval -9.71 to +15.71, t over "
        "seeds): within the noise between seeds, since the interval covers 0. At 1.5 a label the last 20 labels cost "
        "30.00, and 10 more would cost 15.00."
    )


def test_a_loss_and_equal_changes() -> None:
    runs = [run(0.54, 0.5, seed=0), run(0.55, 0.5, seed=1), run(0.56, 0.5, seed=2)]
    assert "+0.00" not in advice(runs[0], runs[1:])
    assert "-7.48 to -2.52, t over seeds): a loss that the noise" in advice(runs[0], runs[1:])
    same = advice(run(0.5, 0.75), [run(0.25, 0.5, seed=1)])
    assert "+25.00 points over 2 seeds. " in same
    assert "no measure of noise" in same


def run_on_images(images: int, *values: float, seed: int = 0) -> Run:
    """A run whose accuracy is of so many test images."""
    made = run(*values, seed=seed)
    return replace(made, record=replace(made.record, test_images=images))


def test_a_gain_without_variation_has_the_interval_of_the_test_images() -> None:
    """All of 6 images right before and after: 39 points remain open, as of any two shares of 6 of 6."""
    open_still = " The 6 test images alone leave -39.0 to 39.0 points open (95 % interval, conservative)."
    three = [run_on_images(6, 1.0, 1.0, seed=seed) for seed in range(3)]
    assert advice(three[0], three[1:]) == (
        "From 20 to 40 labels accuracy changed by +0.00 points over 3 seeds. All of them changed by the same, so there "
        f"is no measure of noise to compare the gain with.{open_still}"
    )
    assert f"(+0.00 points).{open_still} One seed cannot tell" in advice(three[0])
    assert "leave" not in advice(run_on_images(6, 0.5, 0.75), [run_on_images(6, 0.5, 0.6, seed=1)])


def test_a_gain_of_less_than_a_point_is_called_that() -> None:
    runs = [run(0.5, 0.505, seed=0), run(0.5, 0.506, seed=1), run(0.5, 0.504, seed=2)]
    told = advice(runs[0], runs[1:])
    assert "changed by +0.50 points" in told
    assert told.endswith("more than the noise between seeds explains, though less than 1 point.")
    lost = [run(0.505, 0.5, seed=0), run(0.506, 0.5, seed=1), run(0.504, 0.5, seed=2)]
    assert advice(lost[0], lost[1:]).endswith("does not explain, though less than 1 point.")


def test_the_gains_that_one_command_tells_are_corrected_together(al: Call, here: Path) -> None:
    curves_of = {"random": (0.54, 0.55, 0.56), "entropy": (0.56, 0.57, 0.58)}
    for method, ends in curves_of.items():
        for seed, end in enumerate(ends):
            store = RunStore(here / method / f"seed_{seed}")
            store.begin(
                RunRecord(f"digits_{method}", seed, {"of": method}, 100, "d", parts=parts_of(f"digits_{method}"))
            )
            store.label_initial([4, 5])
            for cycle, (value, chosen) in enumerate(((0.5, [7, 8]), (end, []))):
                store.append(CycleRecord(cycle, 0.02 * (cycle + 1), 2 + 2 * cycle, {"accuracy": value}, chosen))
    alone = al("show", "random/seed_0", "--price-per-label", 1, "--no-plot").out
    # Gains of 4, 5 and 6 points: 5 +- 4.302653 / sqrt(3), as above.
    assert "+5.00 points over 3 seeds (95 % interval +2.52 to +7.48, t over seeds)" in alone
    assert "corrected" not in alone
    runs = [f"{method}/seed_{seed}" for method in curves_of for seed in range(3)]
    shown = al("show", *runs, "--price-per-label", 1, "--no-plot").out
    # Two gains, each of three runs, and entropy against random, which is 1 point at each seed and cannot be tested.
    assert "2 comparisons were tested here; each is corrected for all of them." in shown
    # t of 2 degrees of freedom at 0.05 / 2 / 2 and then, for the smaller of the two, at 0.05 / 2: 6.2053 and 4.3027.
    assert shown.count("+5.00 points over 3 seeds (95 % interval +2.52 to +7.48, t over seeds)") == 3
    assert shown.count("+7.00 points over 3 seeds (95 % interval +3.42 to +10.58, t over seeds)") == 3


def test_one_seed_tells_no_gain_from_noise() -> None:
    told = advice(run(0.8, 0.9))
    assert told.startswith("From 20 to 40 labels accuracy went from 80.00 % to 90.00 % (+10.00 points). One seed ")
    assert told.endswith("--seed).")


@pytest.mark.parametrize(
    "other",
    [
        run(0.5, 0.9, seed=0),  # this very seed
        run(0.5, 0.9, seed=1, sha="other settings"),
        run(0.5, 0.9, seed=1, metric="miou"),
        run(0.5, seed=1),  # not as far
        run(0.5, 0.9, seed=1, first=21),  # other numbers of labels
        run(seed=1),
    ],
)
def test_what_is_no_sibling_at_this_step_is_left_out(other: Run) -> None:
    assert advice(run(0.5, 0.6), [other]) == advice(run(0.5, 0.6))


def test_without_a_test_set_or_a_second_cycle_there_is_nothing_to_say() -> None:
    untested = advice(run(0.0, 0.0, metric=""), price=2)
    assert untested.startswith("There is no test set")
    assert untested.endswith(" At 2 a label the last 20 labels cost 40.00, and 20 more would cost 40.00.")
    single = advice(run(0.5), price=0.25, next_count=8)
    assert single.startswith("20 labels gave accuracy 50.00 %; ")
    assert single.endswith(" from the next cycle on. At 0.25 a label 8 more would cost 2.00.")
    assert advice(run(0.5, 0.6), price=0, next_count=0).endswith("At 0 a label the last 20 labels cost 0.00.")


def fit(al: Call, *more: object) -> Answer:
    small = [*TINY, *SMALL_NETWORK, "--budget.cycles", 1, "--steps", 2]
    return al("fit", "--config", "digits_random", *small, *more)


def test_fit_and_show_tell_it_and_the_price_is_no_setting(al: Call, here: Path) -> None:
    first = fit(al, "--run_dir", "r/seed_0", "--price-per-label", 0.5)
    assert first.code == 0, first.err
    assert read_run(here / "r/seed_0").record.test_images == 359  # a fifth of the digits
    curve = [done.metrics["accuracy"] for done in read_run(here / "r/seed_0").cycles]
    assert f"from {100 * curve[0]:.2f} % to {100 * curve[1]:.2f} %" in first.err
    assert "At 0.5 a label the last 20 labels cost 10.00, and 20 more would cost 10.00." in first.err
    again = fit(al, "--run_dir", "r/seed_0", "--price_per_label", 2)  # the same run still
    assert (again.code, "cost 40.00" in again.err, "a label" in again.out) == (0, True, False)
    assert fit(al, "--run_dir", "r/seed_1", "--seed", 1).code == 0
    gains = [[done.metrics["accuracy"] for done in read_run(here / f"r/seed_{seed}").cycles] for seed in (0, 1)]
    mean = 100 * sum(last - before for before, last in gains) / 2
    (here / "r/seed_2").mkdir()
    (here / "r/seed_2/cycles.jsonl").write_text("{}\n")
    shown = al("show", "r/seed_0", "--price-per-label", 1)
    assert f"changed by {mean:+.2f} points over 2 seeds" in shown.out
    assert "left out of the comparison over seeds: r" in shown.out.replace(f"{here}/", "")
    assert "points" not in al("show", "r/seed_0").out
    found, notes = siblings_of(read_run(here / "r/seed_1"))
    assert ([one.record.seed for one in found], len(notes)) == ([0], 1)


def test_it_is_told_whenever_labels_are_awaited_and_the_network_is_there(
    al: Call, here: Path, class_folders: Path
) -> None:
    (class_folders / "train").rename(class_folders / "unlabelled")
    budget = ["--budget.initial", 6, "--budget.query", 5, "--budget.cycles", 2, "--budget.unit", "images"]
    small = [*TINY, *SMALL_NETWORK, "--data.size", "[12, 12]", "--initial", "random", *budget, "--oracle", "files"]
    command = ["fit", "--config", "small_image_folder_random", "--data.root", class_folders, "--run_dir", "r", *small]
    store = LabelStore(here / "r/labels", CLASSES, "image")
    said = []
    for batch in ("initial", "cycle_00", "cycle_01"):
        answer = al(*command, "--price-per-label", 2)
        assert answer.code == LabelsAwaited.exit_code, answer.err
        said.append(answer.err.splitlines()[-2:])
        names = (here / f"r/batches/{batch}/to_label.csv").read_text().splitlines()[1:]
        store.apply({row.split(",")[0]: CLASSES.index(row.split("/")[1]) for row in names})
    assert not any(" a label " in line for line in said[0])
    assert re.fullmatch(r"6 labels gave accuracy .* At 2 a label 5 more would cost 10\.00\.", said[1][0])
    assert re.match(r"From 6 to 11 labels accuracy went .* One seed ", said[2][0])
    assert said[2][0].endswith("At 2 a label the last 5 labels cost 10.00, and 5 more would cost 10.00.")
    assert "5 of 5 images of the choice of cycle 1 wait for labels" in said[2][1]
    shown = al("show", "r", "--price-per-label", 2, "--no-plot").out  # table and advice know the same cycles
    assert [line.split()[1] for line in shown.splitlines() if re.match(r"\d ", line)] == ["6", "11"]
    assert "From 6 to 11 labels" in shown
    shutil.copytree(here / "r", here / "again")
    several = al("show", "r", "again", "--price-per-label", 2, "--no-plot").out
    assert several.count("Cycle 1 is tested but not finished") == 2
    predicted = al("predict", "r", class_folders / "test")  # one who stops here has a network
    assert (predicted.code, predicted.out.strip()) == (0, "r/predictions/cycle_01/predictions.csv")


@pytest.mark.parametrize("price", ["-1", "nan", "inf", "cheap"])
def test_a_price_is_a_number_from_zero(al: Call, here: Path, price: str) -> None:
    for command in (["fit", "--config", "digits_random"], ["show", "r"]):
        answer = al(*command, f"--price-per-label={price}")
        assert refused(answer, UsageError, "--price_per_label", price)


def test_seeds_that_wait_for_labels_of_one_cycle_are_compared(here: Path) -> None:
    # Gains of 5, 6 and 7 points: mean 6, 6 +- 2.484138.
    for seed, last in enumerate((0.55, 0.56, 0.57)):
        store = RunStore(here / f"seed_{seed}")
        store.begin(RunRecord("n", seed, {}, 100, "d"))
        store.label_initial([4, 5])
        store.append(CycleRecord(0, 0.02, 2, {"accuracy": 0.5}, [7, 8]))
        store.save_metrics(1, {"accuracy": last})
        store.member_dir(1, 0).mkdir(parents=True)
        (store.member_dir(1, 0) / "weights.pt").touch()
    run_of = with_tested(read_run(here / "seed_0"))
    siblings, notes = siblings_of(run_of)
    assert notes == []
    assert "+6.00 points over 3 seeds (95 % interval +3.52 to +8.48" in advice(run_of, siblings)
