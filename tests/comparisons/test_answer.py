"""The answer of a comparison in words, of made-up runs."""

from collections.abc import Sequence
from dataclasses import replace

from al_lightning.comparisons.answer import next_steps, sentences
from al_lightning.comparisons.comparison import Comparison
from al_lightning.reports.numbers import cost
from al_lightning.results.series import series_of_runs
from al_lightning.runs.journal import Run
from tests.support.reported_runs import BATCHES, a_run


def made(strategy: str, seed: int, values: Sequence[float]) -> Run:
    """A run of `compare digits --encoder wrn28`, on digits; `random_from_typiclust` has its name and a cold start."""
    named, _, first = strategy.partition("_from_")
    run = a_run(f"digits_wrn28_{named}_probe", seed, values, BATCHES)
    parts = {"datasets": "digits", "networks": "wrn28", "acquisition": named, "training": "probe"}
    options = ["--initial", first] if first else []
    command = ["--config", run.record.name, *options]
    settings = {**run.record.settings, "initial": first or "random"}
    record = replace(run.record, parts=parts, command=command, settings=settings)
    return replace(run, record=record)


def train(values: dict[str, Sequence[Sequence[float]]]) -> tuple[str, str]:
    """The reason and the command of the network to train."""
    runs = tuple(made(name, seed, curve) for name, curves in values.items() for seed, curve in enumerate(curves))
    *_, step = next_steps(Comparison((), runs, "", 1.0), ["compare", "digits"], checked=True)
    return step.why, step.command


RANDOM = [(40, 50, 60), (42, 50, 58), (38, 48, 62)]


def plus(points: Sequence[float]) -> list[tuple[float, ...]]:
    return [tuple(value + each for value in curve) for curve, each in zip(RANDOM, points, strict=True)]


def test_the_network_to_train_is_that_of_the_best_curve_and_a_lead_by_chance_is_called_that() -> None:
    why, command = train({"random": RANDOM, "random_from_typiclust": plus([9, -3, 1]), "entropy": plus([-1, -2, -3])})
    assert "random_from_typiclust, which had the best" in why
    assert "averaged over the whole curve here; its lead over" in why
    assert why.endswith("may be chance; its lead over others was not tested")
    assert command == "al-lightning fit --config digits_efficientnet_random --initial typiclust --seed 0"
    # Two methods have the same name of runs, and a line each in the table of what they took.
    runs = [made(name, seed, RANDOM[seed]) for name in ("random", "random_from_typiclust") for seed in (0, 1)]
    names = [row[0] for row in cost(series_of_runs(runs))[0][1:]]
    assert names == [
        "digits_wrn28_random_probe: random_probe",
        "digits_wrn28_random_probe: random_from_typiclust_probe",
    ]


def test_a_lead_that_is_shown_is_not_doubted() -> None:
    why, _ = train({"random": RANDOM, "entropy": plus([9, 10, 9.5])})
    assert why.endswith("Train a network with entropy, which had the best mIoU averaged over the whole curve here")
    why, _ = train({"random": RANDOM, "entropy": plus([1, -1, -1])})
    assert why.startswith("Train a network with random, ")
    assert why.endswith("its lead over entropy_probe may be chance")


def test_the_gain_is_that_of_the_table() -> None:
    """Random gains 10, 8 and 14 points from 4 to 6 labels: 32 / 3 on average."""
    runs = tuple(made("random", seed, RANDOM[seed]) for seed in range(3))
    gained = sentences(Comparison((), runs, "", 1.0))[-1]
    assert gained.startswith(
        "From 4 to 6 labels, random_probe changed by 10.7 points of mIoU (95 % interval 3.1 to 18.3)"
    )
    assert gained.endswith(", 5.3 for each label.")


def test_the_check_makes_no_further_seeds_and_one_seed_asks_for_more() -> None:
    runs = tuple(made(name, seed, RANDOM[seed]) for name in ("random", "entropy") for seed in range(3))
    for given in ([], ["--seeds", "3"]):
        step, _ = next_steps(Comparison((), runs, "", 1.0), ["compare", "digits", *given], checked=False)
        assert step.command == "al-lightning compare digits --seeds 3 --check"
    seconds = {"fit": 8.0, "test": 3.0, "score": 1.0, "select": 1.0}  # three cycles of 13 s, two runs at a time
    slow = [replace(run, cycles=tuple(replace(cycle, cost=seconds) for cycle in run.cycles)) for run in runs[::3]]
    one = Comparison((), tuple(slow), "", 0.3, processes=2)
    (step,) = next_steps(one, ["compare", "digits", "--seeds=1"], checked=False)
    assert step.command == "al-lightning compare digits --seeds 10 --minutes 13"
