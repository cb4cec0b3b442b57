"""The runs of a report in numbers: settings, methods, and the differences between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import stdev

from al_lightning.metrics import Metric
from al_lightning.results.comparison import FEWEST, Comparison
from al_lightning.results.renderers import MINUS, number
from al_lightning.results.series import (
    BASELINE,
    Series,
    budgets_of,
    by_setting,
    mean_heights,
    pairs_with_base,
    repeats,
    series_of_runs,
)
from al_lightning.results.statistics import compare
from al_lightning.runs.journal import Run


@dataclass(frozen=True)
class Dataset:
    """The strategies that were run on one dataset.

    Attributes:
        name: the setting of the runs.
        metric: the main metric.
        methods: the baseline first, then in the order of the runs.
        budgets: of the curves, fractions of the pool, ascending.
        references: methods of a single fit on more labels than any curve has.
        notes: for the reader, on how the runs were put together.
    """

    name: str
    metric: Metric
    methods: tuple[Series, ...]
    budgets: tuple[float, ...]
    references: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> Series | None:
        """The strategy that the others are compared with."""
        baselines = [method for method in self.methods if f"{method.label}_".startswith(f"{BASELINE}_")]
        return min(baselines, key=lambda method: len(method.label), default=None)

    @property
    def heading(self) -> str:
        """The metric with its unit at the start of a heading: `Accuracy in %`, but `mIoU in %`."""
        title = self.metric.title
        return (title[:1].upper() + title[1:] if title.islower() else title) + self.metric.suffix

    def labelled(self, budget: float) -> int | None:
        """Return the number of labelled images at a budget."""
        curves = [curve for method in self.methods for curve in method.curves if budget in curve.budgets]
        return next((curve.labelled[curve.budgets.index(budget)] for curve in curves), None)

    def against_baseline(self) -> list[Comparison]:
        """Compare each strategy with the baseline of its training, where both have finished a seed.

        The baseline of a semi-supervised training is compared with the supervised one. Differences are in points of
        the metric averaged over the curve.
        """
        return self._compare(pairs_with_base(self.methods, mean_heights(self.methods)))

    def differences(self) -> list[Comparison]:
        """Compare each strategy with the baseline and, up to three strategies, with each other.

        The two groups of comparisons are corrected separately: the first question is whether choosing helps.
        """
        values = mean_heights(self.methods)
        others = [method.label for method in self.methods if method is not self.baseline]
        pairs = [(second, first) for first, second in combinations(others, 2) if {first, second} <= values.keys()]
        return self.against_baseline() + self._compare(pairs if len(others) <= 3 else [])

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
        compared = compare(mean_heights(self.methods), pairs, higher_is_better=self.metric.higher_is_better)
        return [comparison for comparison in compared if comparison.seeds]


def datasets(runs: Sequence[Run]) -> list[Dataset]:
    """Sort runs by setting.

    Args:
        runs: in the order in which the report shows them.
    """
    return [_dataset(name, methods) for name, methods in by_setting(series_of_runs(runs)).items()]


def _dataset(name: str, methods: Sequence[Series]) -> Dataset:
    notes = repeats(methods)
    notes += [
        f"{label} has other settings than {label.split(' (')[0]}: see the config.yaml of their directories."
        for label in (method.label for method in methods)
        if " (" in label
    ]
    ordered = sorted(methods, key=lambda method: method.label != BASELINE)
    furthest = max((method.budgets[-1] for method in methods if method.loops), default=1.0)
    references = tuple(
        method for method in ordered if all(len(c.budgets) == 1 and c.budgets[0] > furthest for c in method.curves)
    )
    rest = tuple(method for method in ordered if method not in references)
    return Dataset(name, methods[0].metric, rest, budgets_of(rest), references, tuple(notes))


def signed(comparison: Comparison) -> str:
    """Return a difference as text, in points: mean and, from two seeds on, standard deviation over seeds."""
    text = f"{comparison.mean:+.2f}".replace("-", MINUS)
    return f"{text} ± {stdev(comparison.values):.2f}" if comparison.seeds > 1 else text


def verdict(comparison: Comparison) -> str:
    """Return the verdict on a difference in a word or two."""
    return "too few seeds" if comparison.seeds < FEWEST else comparison.verdict.value


def interval(comparison: Comparison) -> str:
    """Return the interval of a difference as text, a dash where there is none."""
    return comparison.interval(2).replace("-", MINUS) or "–"


def smallest(comparison: Comparison) -> str:
    """Return the smallest difference that would have shown as text, a dash where none would."""
    return number(comparison.smallest, 2) if comparison.smallest < 100 else "–"


def headline(dataset: Dataset) -> str:
    """Return the verdicts on a dataset's methods in a sentence or two."""
    on = f"On {dataset.name}"
    if dataset.baseline is None:
        return f"{on} there is no run of {BASELINE}, so nothing says whether choosing helps."
    compared = dataset.against_baseline()
    if not compared:
        return f"{on} there is nothing to compare with {BASELINE} yet: no seed has been finished by two strategies."
    compared.sort(key=lambda comparison: (not comparison.shows, -comparison.advantage))
    caution = " One seed shows nothing certain." if any(each.seeds < FEWEST for each in compared) else ""
    return f"{on}, {'; '.join(each.clause(digits=2) for each in compared)}.{caution}"
