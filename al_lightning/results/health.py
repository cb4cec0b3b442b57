"""Whether training worked: rules over the measures of each cycle, in one table.

`CycleRecord.health` has the measures (see `training.measures`); what is judged here follows from them and from the
curve. The thresholds are such that a rule fires in at most 5 % of runs that are known to be healthy
(docs/health.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.metrics import Metric
from al_lightning.results.curves import Curve, curve_of
from al_lightning.runs.journal import CycleRecord, Run, read_run
from al_lightning.runs.weights import with_tested

ERRORS = 2.0
"""Standard errors of the test set beyond which a difference of its metric counts."""
FALLS = "worse with more labels"
"""Name of the rule about curves that fall."""
NAMED = 5
"""Most classes that a sentence names."""


@dataclass(frozen=True)
class Measured:
    """A cycle of a run, as the rules see it.

    Attributes:
        run: with this cycle among its cycles.
        cycle: number of the cycle.
    """

    run: Run
    cycle: int

    @property
    def record(self) -> CycleRecord:
        """The cycle."""
        return self.run.cycles[self.cycle]

    def number(self, name: str) -> float | None:
        """Return a measure; None where it was not measured."""
        value = self.record.health.get(name)
        return None if value is None else float(value)

    @cached_property
    def metric(self) -> Metric:
        """The main metric; of a run without a test set, the first one of its task."""
        record = self.run.record
        names = [*self.record.metrics, *(metric.name for metric in record.metrics)]
        return record.metric(next(iter(names), ""))

    @property
    def value(self) -> float | None:
        """The main metric, as the journal stores it; None without a test set."""
        return next(iter(self.record.metrics.values()), None)

    def classes(self, numbers: Sequence[int]) -> str:
        """Return the names of classes, the first few of many."""
        names = self.run.record.classes
        shown = [names[number] if number < len(names) else f"class {number}" for number in numbers[:NAMED]]
        more = len(numbers) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")


@dataclass(frozen=True)
class HealthRule:
    """A rule.

    Attributes:
        name: of what went wrong, in a few words.
        threshold: beyond which it fires; what it is a threshold of, its function says.
        says: returns the sentence about a cycle, without a full stop, or "" where the rule does not fire.
        change: what to try, without a full stop; it names options that exist.
        of_steps: whether it is about training by steps; a head that was fitted to convergence cannot break it.
    """

    name: str
    threshold: float
    says: Callable[[Measured, float], str]
    change: str
    of_steps: bool = True


@dataclass(frozen=True)
class Problem:
    """A rule that fired.

    Attributes:
        rule: the rule.
        cycle: number of the cycle.
        text: what was found, without a full stop.
    """

    rule: HealthRule
    cycle: int
    text: str

    @property
    def line(self) -> str:
        """The finding and what to change, for a terminal."""
        return f"[!] cycle {self.cycle}: {self.text}. {self.rule.change}."


def _never_predicted(measured: Measured, share: float) -> str:
    """Of the labels of the test set, at least this share is of a class that is never predicted."""
    health = measured.record.health
    never, largest = health.get("never_predicted", []), measured.number("never_predicted_share")
    if never and largest is not None and largest >= share:
        lacking = [number for number in never if number in health.get("train_lacks", ())]
        no_label = f", and the fit's last batches had no label of {measured.classes(lacking)}" if lacking else ""
        return f"never predicted on the test set, which has them: {measured.classes(never)}{no_label}"
    never = health.get("train_never_predicted", []) if measured.value is None else []
    return f"never predicted, though labels have them: {measured.classes(never)}" if never else ""


def _guesses(measured: Measured, errors: float) -> str:
    """The test metric is at most this many standard errors better than a blind guess, which looks at no image."""
    value, guess, error = measured.value, measured.number("guess"), measured.number("error") or 0.0
    metric = measured.metric
    if value is None or guess is None or metric.sign * (value - guess) > errors * error:
        return ""
    if metric.sign * (value - guess) > 0:
        found = f"within the {errors:g} standard errors of the test images ({metric.text(errors * error)}) of"
    else:
        found = "no better than"
    return f"{metric.name} {metric.text(value)} is {found} a guess that looks at no image ({metric.text(guess)})"


def _learned_nothing(measured: Measured, margin: float) -> str:
    """On the training images, the metric is better than a blind guess by at most this share of that guess."""
    value, guess, metric = measured.number("train"), measured.number("train_guess"), measured.metric
    if value is None or guess is None or metric.sign * (value - guess) > margin * abs(guess):
        return ""
    return (
        f"on the training images themselves, {metric.name} {metric.text(value)} is hardly better than a blind guess, "
        f"{metric.text(guess)}"
    )


def _falls(measured: Measured, errors: float) -> str:
    """The test metric is worse than at fewer labels by more than this many standard errors."""
    curve, at = curve_of(measured.run), measured.cycle
    best = curve.better_before(at)
    error = None if best is None else curve.error_between(best, at)
    if best is None or error is None or abs(curve.values[best] - curve.values[at]) <= errors * error:
        return ""
    shown = curve.metric.shown
    return (
        f"{curve.metric.name} fell from {shown(curve.values[best])} with {curve.labelled[best]} labels to "
        f"{shown(curve.values[at])}, by more than the {errors:g} standard errors of the test images "
        f"({shown(errors * error)})"
    )


def _too_short(measured: Measured, share: float) -> str:
    """Between the last two tenths, the loss fell by more than this share of its whole fall, and beyond noise."""
    start, before, end, error = map(measured.number, ("loss_start", "loss_before", "loss_end", "loss_error"))
    if start is None or before is None or end is None or error is None:
        return ""
    if before - end <= max(share * (start - end), ERRORS * error):
        return ""
    return (
        f"the fit ended while its loss still fell: {start:.4g} in its first tenth, {before:.4g} in the last but one, "
        f"{end:.4g} in the last"
    )


def _memorised(measured: Measured, share: float) -> str:
    """Of what was learned beyond a guess, half of what there is or more, less than this share is on the test set."""
    value, guess = measured.value, measured.number("guess")
    train, train_guess = measured.number("train"), measured.number("train_guess")
    if value is None or guess is None or train is None or train_guess is None:
        return ""
    metric = measured.metric
    learned, kept = metric.sign * (train - train_guess), metric.sign * (value - guess)
    whole = metric.sign * ((metric.sign > 0) - train_guess)
    if learned < whole / 2 or kept >= share * learned:
        return ""
    return f"{metric.name} is {metric.text(train)} on the training images, but {metric.text(value)} on the test set"


RULES = (
    HealthRule(
        "a class that is never predicted",
        0.001,
        _never_predicted,
        "Train longer (--steps, or --epochs), or buy more labels a cycle (--budget.query)",
    ),
    HealthRule(
        "no better than a guess",
        ERRORS,
        _guesses,
        "Look at images and labels (`al-lightning audit`), and try more labels; for a linear probe another encoder, "
        "else another --training.optimizer.lr or a longer fit (--steps, or --epochs)",
        of_steps=False,
    ),
    HealthRule(
        "training images not learned",
        0.05,
        _learned_nothing,
        "Try another --training.optimizer.lr, or a longer fit (--steps, or --epochs)",
    ),
    HealthRule(
        FALLS,
        ERRORS,
        _falls,
        "Train each fit as long as its labels ask (--epochs instead of --steps), and run further seeds (--seed)",
    ),
    HealthRule("fit too short", 0.08, _too_short, "Train longer: --steps, or --epochs"),
    HealthRule(
        "memorised",
        0.1,
        _memorised,
        "Buy more labels (--budget.query), or try augmentation (--data.augmentation) or semi-supervised training "
        "(--training)",
    ),
)
"""Every rule, in the order of a cycle's lines."""


def lacks(run: Run) -> str:
    """Return which classes had no label in a run's first fit, where that was one to convergence; "" for none.

    No rule asks whether such a head predicts all classes: with few labels it cannot, and the next labels mend that.
    """
    if not (numbers := _lacking(run, 0)):
        return ""
    first, names = len(run.labelled_at(0)), Measured(run, 0).classes(numbers)
    return f"the first {first:,} labels have none of {names}; the head cannot predict a class before it has a label"


def lacks_of(runs: Sequence[Run]) -> str:
    """Return a sentence on the classes that had no label in the first fits of some runs; "" for none."""
    if not (without := [run for run in runs if _lacking(run, 0)]):
        return ""
    often = Counter(number for run in without for number in _lacking(run, 0))
    names = Measured(without[0], 0).classes([number for number, _ in often.most_common()])
    first, last = (len(without[0].labelled_at(cycle)) for cycle in (0, len(without[0].cycles) - 1))
    still = sum(bool(_lacking(run, -1)) for run in runs)
    return (
        f"In {len(without)} of {len(runs)} runs the first {first:,} labels lack a class (most often {names}), and in "
        f"{still} the last {last:,} still do; a head cannot predict a class before it has a label."
    )


def _lacking(run: Run, cycle: int) -> Sequence[int]:
    """Return the classes without a label in a fit to convergence."""
    health = run.cycles[cycle].health if run.cycles else {}
    return health.get("train_lacks", ()) if health.get("converged") else ()


def falls(curve: Curve) -> bool:
    """Whether a curve ends worse than its best point, beyond noise; where that is not known, than its first point."""
    last = len(curve.values) - 1
    if (best := curve.better_before(last)) is None:
        return False
    if (error := curve.error_between(best, last)) is None:
        return curve.metric.sign * (curve.values[last] - curve.values[0]) < 0
    return abs(curve.values[best] - curve.values[last]) > ERRORS * error


def problems_at(run: Run, cycle: int) -> list[Problem]:
    """Return what is wrong with a cycle of a run."""
    measured = Measured(run, cycle)
    converged = bool(measured.number("converged"))
    rules = [rule for rule in RULES if not (converged and rule.of_steps)]
    found = [(rule, rule.says(measured, rule.threshold)) for rule in rules]
    return [Problem(rule, cycle, text) for rule, text in found if text]


def problems_of(run: Run) -> list[Problem]:
    """Return what is wrong with the cycles of a run, in their order."""
    return [problem for done in run.cycles for problem in problems_at(run, done.cycle)]


def while_awaiting(run_dir: Path) -> list[str]:
    """Return what is wrong with the cycle of a run directory that waits for its labels, a line each."""
    try:
        run = read_run(run_dir)
    except UsageError:  # labels of the initial set are awaited; there is no journal
        return []
    tested = with_tested(run)
    return [problem.line for done in tested.cycles[len(run.cycles) :] for problem in problems_at(tested, done.cycle)]


def summaries(runs: Sequence[Run]) -> list[str]:
    """Return a sentence for each rule that fired in some runs, with these runs and their cycles, and what to change."""
    found: dict[str, list[str]] = {rule.name: [] for rule in RULES}
    for run in runs:
        cycles: dict[str, list[str]] = {}
        for problem in problems_of(run):
            cycles.setdefault(problem.rule.name, []).append(str(problem.cycle))
        for name, numbers in cycles.items():
            found[name].append(f"{run.record.name}, seed {run.record.seed}, cycle {', '.join(numbers)}")
    return [
        f"Training did not work ({rule.name}): {'; '.join(found[rule.name])}. {rule.change}."
        for rule in RULES
        if found[rule.name]
    ]


def caution(runs: Sequence[Run]) -> str:
    """Return the sentence that belongs beside the verdicts on some runs; "" where training worked in all of them."""
    ill = sum(bool(problems_of(run)) for run in runs)
    return f"Training did not work in {ill} of {len(runs)} runs, which may explain these numbers." if ill else ""
