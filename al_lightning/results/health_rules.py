"""The rules about training that did not work: what each asks of a cycle's measures, and from which threshold on.

The thresholds are such that a rule fires in at most 5 % of runs that are known to be healthy (docs/health.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from al_lightning.metrics import Metric
from al_lightning.results.curves import curve_of
from al_lightning.runs.journal import CycleRecord, Run

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
