"""Whether training worked: each rule on either side of its threshold, and where its sentences appear."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from al_lightning.config.fit_options import DECLARED
from al_lightning.metrics import ACCURACY, MIOU, Metric
from al_lightning.results.conditions import State, conditions_of
from al_lightning.results.curves import Curve, curve_of, until
from al_lightning.results.health import caution, falls, lacks, lacks_of, problems_at, problems_of, summaries
from al_lightning.results.health_rules import RULES
from al_lightning.results.label_value import advice, savings
from al_lightning.results.series import series_of_runs
from al_lightning.runs.identity import flatten
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.runs import Answer, parts_of

WELL: dict[str, Any] = {
    "loss_start": 2.0, "loss_before": 0.5, "loss_end": 0.49, "loss_error": 0.05, "train": 0.9, "train_guess": 0.3,
    "train_never_predicted": [], "train_lacks": [], "guess": 0.3, "error": 0.01, "never_predicted": [],
}  # fmt: skip
THRESHOLD = {rule.name: rule.threshold for rule in RULES}
NEVER, GUESS, NOTHING, FALL, SHORT, MEMORISED = THRESHOLD


def a_run(*values: float | None, name: str = "street_random", metric: Metric = ACCURACY, **health: Any) -> Run:
    """A run with these values of its metric, whose last cycle has other health than `WELL`; None for no test set."""
    cycles = [
        CycleRecord(at, 0.1 * (at + 1), 10 * (at + 1), {} if value is None else {metric.name: value}, [at], {}, WELL)
        for at, value in enumerate(values)
    ]
    changed = {key: value for key, value in {**WELL, **health}.items() if value is not None}
    cycles[-1] = replace(cycles[-1], chosen=[], health=changed)
    record = RunRecord(name, 0, {"of": name}, 100, "d", parts=parts_of(name), metrics=[metric], classes=["cat", "dog"])
    return Run(Path(name), record, [0], tuple(cycles))


def fired(run: Run) -> list[str]:
    return [problem.rule.name for problem in problems_of(run)]


def test_a_healthy_run_has_no_problem() -> None:
    run = a_run(0.6, 0.7)
    assert (problems_of(run), summaries([run]), caution([run])) == ([], [], "")


@pytest.mark.parametrize("name", [NEVER])
def test_a_class_that_is_never_predicted(name: str) -> None:
    share = THRESHOLD[name]
    assert fired(a_run(0.7, never_predicted=[1], never_predicted_share=share)) == [name]
    assert fired(a_run(0.7, never_predicted=[1], never_predicted_share=0.99 * share)) == []
    text = problems_at(a_run(0.7, never_predicted=[0, 1, 2], never_predicted_share=1.0, train_lacks=[2]), 0)[0].text
    assert "cat, dog, class 2" in text  # names where the journal has them
    assert text.endswith("no label of class 2")
    many = problems_at(a_run(0.7, never_predicted=list(range(9)), never_predicted_share=1.0), 0)[0].text
    assert many.endswith("class 4 and 4 more")


def test_a_probe_is_advised_what_it_can_change() -> None:
    """It has no learning rate and no steps."""
    (problem,) = problems_at(a_run(0.31, converged=1), 0)
    assert "for a linear probe another encoder" in problem.line


def test_no_better_than_a_guess() -> None:
    """A guess has 0.3, two standard errors are 0.02."""
    assert fired(a_run(0.3199)) == [GUESS, MEMORISED]
    assert GUESS not in fired(a_run(0.3201))
    assert fired(a_run(0.3, error=None)) == [GUESS, MEMORISED]
    assert GUESS not in fired(a_run(0.301, error=None))
    lower = Metric("loss", "loss", "", higher_is_better=False)
    measures = {"train": 0.1, "train_guess": 0.5, "guess": 0.5}
    assert fired(a_run(0.55, metric=lower, **measures)) == [GUESS, MEMORISED]
    assert fired(a_run(0.15, metric=lower, **measures)) == []


def test_training_images_that_were_not_learned() -> None:
    margin = 1 + THRESHOLD[NOTHING]
    assert fired(a_run(0.7, train=0.3 * margin - 0.001)) == [NOTHING]
    assert fired(a_run(0.7, train=0.3 * margin + 0.001)) == []


def test_a_fall_beyond_two_standard_errors() -> None:
    """The standard error of a difference of two is 0.01 x sqrt(2): a fall of 2.83 points."""
    assert fired(a_run(0.7, 0.6718)) == []
    assert fired(a_run(0.7, 0.6717)) == [FALL]
    assert fired(a_run(0.7, 0.69, 0.68, 0.67)) == [FALL]  # from the best point, not from the one before
    assert fired(a_run(0.7, 0.6, error=None)) == []
    assert fired(a_run(0.7, 0.6, error=0.06)) == []
    rising = a_run(0.5, 0.6, metric=Metric("loss", "loss", higher_is_better=False), train=0.1, guess=0.9)
    assert [problem.rule.name for problem in problems_at(rising, 1)] == [FALL]
    (problem,) = problems_of(a_run(0.65, 0.58, metric=MIOU))
    assert problem.cycle == 1
    assert "65.00 % with 10 labels to 58.00 %" in problem.text


def test_a_fit_that_was_too_short() -> None:
    """The loss falls by 1 in all; a fall of that share between the last two tenths is what the rule allows."""

    def short(fall: float, error: float | None, start: float = 1.5) -> list[str]:
        return fired(a_run(0.7, loss_start=start, loss_before=0.5 + fall, loss_end=0.5, loss_error=error))

    share = THRESHOLD[SHORT]
    assert short(0.99 * share, 0.001) == []
    assert short(1.01 * share, 0.001) == [SHORT]
    assert short(1.01 * share, 0.51 * share) == []  # within noise
    assert short(1.01 * share, None) == []  # a fit of a few steps
    assert short(0.01, 0.001, start=0.4) == [SHORT]  # a fit that began lower than it ended, and falls again
    assert (
        "1.5 in its first tenth, 0.7 in the last but one, 0.5 in the last"
        in problems_at(a_run(0.7, loss_start=1.5, loss_before=0.7, loss_end=0.5, loss_error=0.01), 0)[0].text
    )


@pytest.mark.parametrize(
    ("start", "before", "end", "error", "fires"),
    [
        (2.087, 0.6531, 0.5597, 0.01875, False),  # CIFAR-10, 500 labels, 2,000 steps: 3,000 steps are no better
        (2.369, 1.708, 1.65, 0.01987, True),  # digits, 60 steps at a constant and low learning rate
        (2.0, 1.2, 1.1, 0.01, True),  # a straight line
    ],
)
def test_the_threshold_of_a_short_fit_lies_between_fits_that_were_measured(
    start: float, before: float, end: float, error: float, fires: bool
) -> None:
    run = a_run(0.7, loss_start=start, loss_before=before, loss_end=end, loss_error=error)
    assert (SHORT in fired(run)) is fires


def test_what_was_memorised() -> None:
    """Learned beyond a guess: 0.6 on the training images."""
    kept = THRESHOLD[MEMORISED] * 0.6
    assert fired(a_run(0.3 + kept - 0.001, error=0.001)) == [MEMORISED]
    assert fired(a_run(0.3 + kept + 0.001, error=0.001)) == []
    assert fired(a_run(0.32, train=0.66, error=0.001)) == [MEMORISED]  # 0.36 of 0.7
    assert fired(a_run(0.32, train=0.64, error=0.001)) == []  # the training images are not known well themselves
    few = a_run(0.2505, train=1.0, train_guess=0.1, guess=0.1)  # measured: CIFAR-10, 50 labels
    noise = a_run(0.3583, train=0.7625, train_guess=0.35, guess=0.3333, error=0.04375)  # images of noise
    assert (fired(few), fired(noise)) == ([], [GUESS, MEMORISED])


def test_without_a_test_set_what_the_fit_knows_is_judged() -> None:
    untested = {"guess": None, "error": None, "never_predicted": None}
    assert fired(a_run(None, None, **untested)) == []
    ill = a_run(None, None, **untested, train=0.3, loss_before=1.5, loss_end=1.0, train_never_predicted=[1])
    assert fired(ill) == [NEVER, NOTHING, SHORT]
    assert "dog" in problems_of(ill)[0].text
    assert "accuracy 30.00 %" in problems_of(ill)[1].text


def test_a_cycle_without_measures_is_not_judged() -> None:
    run = a_run(0.7, 0.1)
    bare = replace(run, cycles=tuple(replace(cycle, health={}) for cycle in run.cycles))
    assert problems_of(bare) == []
    assert not any(condition.topic == "health" for condition in conditions_of([bare]))


def test_every_option_that_a_rule_names_exists(al: Callable[..., Answer]) -> None:
    known = {*DECLARED}
    for config in ("digits_random", "camvid_random"):
        printed = yaml.safe_load(al("fit", "--config", config, "--print_config").out)
        known |= {key.replace("init_args.", "").removesuffix(".class_path") for key, _ in flatten(printed)}
    for rule in RULES:
        named = re.findall(r"--([a-z_.]+)", rule.change)
        assert named, rule.name
        assert not [name for name in named if name not in known], rule.name
        assert not rule.change.endswith(".")


def test_the_conditions_name_run_and_cycles() -> None:
    well, ill = a_run(0.6, 0.7, name="street_random"), a_run(0.6, 0.5, 0.5, name="street_entropy")
    (found,) = [condition for condition in conditions_of([well]) if condition.topic == "health"]
    assert found.state is State.OK
    (found,) = [condition for condition in conditions_of([well, ill]) if condition.topic == "health"]
    assert found.line.startswith(f"[!] Training did not work ({FALL}): street_entropy, seed 0, cycle 1, 2. ")
    assert caution([well, ill]).startswith("Training did not work in 1 of 2 runs")


def test_a_saving_is_not_told_of_a_curve_that_falls() -> None:
    """The baseline ends at 58: as good as both curves were with their first labels."""

    def saved(random: tuple[float, ...], entropy: tuple[float, ...], **health: Any) -> str:
        runs = [
            a_run(*values, name=f"street_{name}", metric=MIOU, **health)
            for name, values in (("random", random), ("entropy", entropy))
        ]
        baseline, method = series_of_runs(runs)
        return savings(method, baseline, 100 * random[-1])[0]

    assert saved((0.65, 0.58), (0.66, 0.68)) == "not known: random fell with more labels"
    assert saved((0.65, 0.58), (0.65, 0.57)) == "not known: entropy and random fell with more labels"
    assert saved((0.65, 0.58), (0.5, 0.7)) == "not known: random fell with more labels"
    assert saved((0.58, 0.58), (0.66, 0.60)) == "not known: entropy fell with more labels"
    assert saved((0.65, 0.64), (0.65, 0.66)) == "both reached it with their first labels"  # within noise
    assert saved((0.5, 0.6), (0.5, 0.7)) == "5 images (25 %)"
    # The noise is not known, as of a CSV file: an end below the start is a fall.
    assert saved((0.65, 0.64), (0.65, 0.66), error=None) == "not known: random fell with more labels"


def test_the_advice_on_one_seed_says_that_a_curve_falls() -> None:
    assert "One seed cannot tell" in advice(a_run(0.7, 0.68))
    for values in ((0.7, 0.6), (0.7, 0.58, 0.6)):  # also where the last step is a rise
        assert f"The curve falls from 70.00 % with {a_run(*values).cycles[0].labelled} labels" in advice(a_run(*values))


def test_a_fall_is_from_the_best_point_before() -> None:
    curve = Curve("a", 0, "", MIOU, (0.1, 0.2, 0.3), (1, 2, 3), (60.0, 65.0, 58.0), errors=(1.0, 3.0, 4.0))
    assert [curve.better_before(point) for point in range(3)] == [None, None, 1]
    assert replace(curve, values=(60.0, 65.0, 65.0)).better_before(2) is None
    assert (curve.error_between(1, 2), replace(curve, errors=()).error_between(1, 2)) == (5.0, None)
    assert not falls(curve)  # by 1.4 standard errors
    assert falls(replace(curve, errors=(1.0, 2.0, 2.8)))  # by 2.03
    assert until(curve, 0.2).errors == (1.0, 3.0)
    assert curve_of(a_run(0.5, 0.6)).errors == (1.0, 1.0)  # in percent
    assert curve_of(a_run(None)).errors == ()


def test_classes_without_a_label_are_told_of_heads_that_were_fitted_to_convergence() -> None:
    trained = a_run(0.7, train_lacks=[1])
    assert (lacks(trained), lacks_of([trained])) == ("", "")  # of these, a rule asks whether all classes are predicted
    head = a_run(0.7, converged=1, train_lacks=[1])
    assert "the first 1 labels have none of dog;" in lacks(head)
    both, whole = a_run(0.7, converged=1, train_lacks=[0, 1]), a_run(0.7, converged=1)
    text = lacks_of([whole, both, head])
    assert "In 2 of 3 runs the first 1 labels lack a class (most often dog, cat), and in 2 the last 1 still do" in text
    assert lacks_of([whole]) == ""
    small = a_run(0.7, converged=1, train_lacks=[], train_undrawn=[1])  # its objects are small
    more = "--training.pixels draws more of each image"
    assert lacks(small) == f"the first 1 labels have dog, but in no pixel that was drawn: {more}"
    assert lacks_of([whole, small]) == (
        "In 1 of 2 runs the first 1 labels have a class of which no pixel was drawn (most often dog), and in 1 the "
        f"last 1 still do; {more}."
    )
