"""What the runs of a report say in numbers: which belong together, who is ahead of whom, and whether that shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from al_lightning.results.comparison import FEWEST, Comparison, Verdict, number
from al_lightning.results.curves import Curve
from al_lightning.results.series import Series, against, height, series_of_runs, split_name
from al_lightning.results.statistics import compare
from al_lightning.runs.journal import Run

__all__ = [
    "BASELINE",
    "ENOUGH",
    "Dataset",
    "Difference",
    "Method",
    "datasets",
    "headline",
    "height",
    "interval",
    "mean_text",
    "signed",
    "smallest",
    "split_name",
    "told",
]

BASELINE = "random"
ENOUGH = FEWEST
"""Seeds below which no difference is called one."""
METRICS = {"miou": "mean IoU", "accuracy": "accuracy"}


@dataclass(frozen=True)
class Method:
    """The runs of one strategy on one dataset, which differ by their seed alone.

    Attributes:
        label: what the report calls it.
        name: the runs' name.
        runs: by seed.
        curves: of the runs.
    """

    label: str
    name: str
    runs: tuple[Run, ...]
    curves: tuple[Curve, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Their seeds."""
        return tuple(run.record.seed for run in self.runs)

    def at(self, budget: float) -> list[float]:
        """Return the metric of each seed that got as far as this budget, in percent."""
        return [curve.values[curve.budgets.index(budget)] for curve in self.curves if budget in curve.budgets]

    def whole(self, budgets: tuple[float, ...]) -> dict[int, Curve]:
        """Return, by seed, the curves that go over all these budgets."""
        return {curve.seed: curve for curve in self.curves if curve.budgets == budgets}


@dataclass(frozen=True)
class Difference:
    """One strategy against another, in points of the metric averaged over the curve, by seed.

    Attributes:
        comparison: what the statistics say of it.
    """

    comparison: Comparison

    @property
    def method(self) -> str:
        """The one."""
        return self.comparison.method

    @property
    def other(self) -> str:
        """The other."""
        return self.comparison.other

    @property
    def values(self) -> tuple[float, ...]:
        """The difference at each seed that both have finished."""
        return tuple(value for _, value in self.comparison.by_seed)

    @property
    def mean(self) -> float:
        """The estimated difference: the mean of `values` where every strategy has every seed."""
        return self.comparison.mean

    @property
    def deviation(self) -> float | None:
        """Standard deviation of `values`; None for one seed."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def shows(self) -> bool:
        """Whether a difference is claimed."""
        return self.comparison.shows

    @property
    def verdict(self) -> Verdict:
        """What may be said."""
        return self.comparison.verdict


@dataclass(frozen=True)
class Dataset:
    """The strategies that were run on one dataset.

    Attributes:
        name: the runs' name without the strategy.
        metric: the main metric's name.
        methods: the baseline first, then in the order of the runs.
        budgets: of the curves, fractions of the pool, ascending.
        references: methods of a single fit on more labels than the curves go up to.
        notes: what the reader should know about how the runs were put together.
    """

    name: str
    metric: str
    methods: tuple[Method, ...]
    budgets: tuple[float, ...]
    references: tuple[Method, ...]
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> Method | None:
        """The strategy that the others are compared with."""
        named = [method for method in self.methods if f"{method.label}_".startswith(f"{BASELINE}_")]
        return min(named, key=lambda method: len(method.label), default=None)

    @property
    def metric_name(self) -> str:
        """The metric as people call it."""
        return METRICS.get(self.metric, self.metric)

    def labelled(self, budget: float) -> int | None:
        """Return the number of labelled images that a budget stands for."""
        for curve in (curve for method in self.methods for curve in method.curves):
            if budget in curve.budgets:
                return curve.labelled[curve.budgets.index(budget)]
        return None

    def against_baseline(self) -> list[Difference]:
        """Compare each strategy with the baseline of its training, where both have finished a seed.

        And that baseline, where training is semi-supervised, with the one that is not.
        """
        labels = [method.label for method in self.methods]
        pairs = [(label, base) for label in labels if (base := against(label, labels, BASELINE)) is not None]
        return self._compare(pairs)

    def differences(self) -> list[Difference]:
        """Compare each with the baseline and, where they are few, with each other.

        The two are corrected for their numbers each: what is asked first is whether choosing helps.
        """
        others, pairs = self._others(), list[tuple[str, str]]()
        if len(others) <= 3:
            pairs = [(second.label, first.label) for first, second in combinations(others, 2)]
        return [*self.against_baseline(), *self._compare(pairs)]

    def _others(self) -> list[Method]:
        return [method for method in self.methods if method is not self.baseline]

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> list[Difference]:
        curves = {method.label: method.whole(self.budgets) for method in self.methods}
        values = {
            label: {seed: height(curve) for seed, curve in found.items() if curve.values}
            for label, found in curves.items()
        }
        return [Difference(one) for one in compare(values, pairs) if one.seeds]


def datasets(runs: Sequence[Run], strategies: Collection[str] | None = None) -> list[Dataset]:
    """Sort runs by what they were run on.

    Args:
        runs: in the order in which the report shall show them.
        strategies: names of strategies, to find where in a run's name the dataset ends; without them, its last part is
            the strategy.
    """
    by_setting: dict[str, list[Series]] = {}
    for one in series_of_runs(runs, strategies):
        by_setting.setdefault(one.setting, []).append(one)
    return [_dataset(name, members) for name, members in by_setting.items()]


def _dataset(name: str, members: Sequence[Series]) -> Dataset:
    notes = [
        f"{run.record.name}, seed {run.record.seed}, is there twice; the first is shown."
        for one in members
        for run in one.repeated
    ]
    notes += [
        f"{one.method} has other settings than {one.method.split(' (')[0]}: see the config.yaml of their directories."
        for one in members
        if " (" in one.method
    ]
    methods = [Method(one.method, one.name, tuple(one.runs.values()), tuple(one.curves.values())) for one in members]
    methods.sort(key=lambda method: method.label != BASELINE)
    furthest = max((c.budgets[-1] for method in methods for c in method.curves if len(c.budgets) > 1), default=1.0)
    references = tuple(
        method for method in methods if all(len(c.budgets) == 1 and c.budgets[0] > furthest for c in method.curves)
    )
    rest = tuple(method for method in methods if method not in references)
    budgets = {budget for method in rest for curve in method.curves for budget in curve.budgets}
    return Dataset(name, members[0].metric, rest, tuple(sorted(budgets)), references, tuple(notes))


def mean_text(values: Sequence[float], digits: int = 2) -> str:
    """Return mean and standard deviation as text; a dash for no values."""
    if not values:
        return "–"
    text = f"{fmean(values):.{digits}f}"
    return f"{text} ± {stdev(values):.{digits}f}" if len(values) > 1 else text


def signed(difference: Difference) -> str:
    """Return a difference as text, in points."""
    text = f"{difference.mean:+.2f}".replace("-", "−")
    return text if difference.deviation is None else f"{text} ± {difference.deviation:.2f}"


def told(pair: Difference) -> str:
    """Return the verdict on a difference in a word or two."""
    return "too few seeds" if len(pair.values) < ENOUGH else pair.verdict.value


def interval(pair: Difference) -> str:
    """Return the interval of a difference as text, a dash where there is none."""
    return pair.comparison.interval(2).replace("-", "−") or "–"


def smallest(pair: Difference) -> str:
    """Return the smallest difference that would have shown as text, a dash where none would."""
    value = pair.comparison.smallest
    return number(value, 2) if value < 100 else "–"


def headline(dataset: Dataset) -> str:
    """Return what the numbers of a dataset allow to say, in a sentence or two."""
    on = f"On {dataset.name}"
    if dataset.baseline is None:
        return f"{on} there is no run of {BASELINE}, so nothing says whether choosing helps."
    pairs = dataset.against_baseline()
    if not pairs:
        return f"{on} there is nothing to compare with {BASELINE} yet: no seed has been finished by two strategies."
    pairs.sort(key=lambda pair: (not pair.shows, -pair.mean))
    caution = " One seed shows nothing certain." if any(len(pair.values) < ENOUGH for pair in pairs) else ""
    return f"{on}, {'; '.join(pair.comparison.clause(digits=2) for pair in pairs)}.{caution}"
