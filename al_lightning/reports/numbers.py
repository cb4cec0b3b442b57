"""What the runs of a report say in numbers: which belong together, who is ahead of whom, and whether that shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import stdev

from al_lightning.metrics import metric_of
from al_lightning.results.comparison import FEWEST, Comparison, number
from al_lightning.results.renderers import MINUS, mean_text
from al_lightning.results.series import (
    BASELINE,
    Series,
    budgets_of,
    by_setting,
    mean_heights,
    pairs_with_base,
    series_of_runs,
)
from al_lightning.results.statistics import compare
from al_lightning.runs.journal import Run

__all__ = [
    "BASELINE",
    "ENOUGH",
    "Dataset",
    "datasets",
    "headline",
    "interval",
    "mean_text",
    "signed",
    "smallest",
    "told",
]

ENOUGH = FEWEST
"""Seeds below which no difference is called one."""


@dataclass(frozen=True)
class Dataset:
    """The strategies that were run on one dataset.

    Attributes:
        name: the setting of the runs.
        metric: the main metric's name.
        methods: the baseline first, then in the order of the runs.
        budgets: of the curves, fractions of the pool, ascending.
        references: methods of a single fit on more labels than the curves go up to.
        notes: what the reader should know about how the runs were put together.
    """

    name: str
    metric: str
    methods: tuple[Series, ...]
    budgets: tuple[float, ...]
    references: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> Series | None:
        """The strategy that the others are compared with."""
        named = [method for method in self.methods if f"{method.label}_".startswith(f"{BASELINE}_")]
        return min(named, key=lambda method: len(method.label), default=None)

    @property
    def metric_name(self) -> str:
        """The metric as people call it."""
        return metric_of(self.metric).title

    @property
    def metric_heading(self) -> str:
        """The metric at the start of a heading: `Accuracy`, but `mIoU`."""
        name = self.metric_name
        return name[:1].upper() + name[1:] if name.islower() else name

    def labelled(self, budget: float) -> int | None:
        """Return the number of labelled images that a budget stands for."""
        for curve in (curve for method in self.methods for curve in method.curves):
            if budget in curve.budgets:
                return curve.labelled[curve.budgets.index(budget)]
        return None

    def against_baseline(self) -> list[Comparison]:
        """Compare each strategy with the baseline of its training, where both have finished a seed.

        And that baseline, where training is semi-supervised, with the one that is not. Differences are in points of the
        metric averaged over the curve.
        """
        values = mean_heights(self.methods)
        return [one for one in compare(values, pairs_with_base(self.methods, values)) if one.seeds]

    def differences(self) -> list[Comparison]:
        """Compare each with the baseline and, where they are few, with each other.

        The two are corrected for their numbers each: what is asked first is whether choosing helps.
        """
        values = mean_heights(self.methods)
        others = [one.label for one in self.methods if one is not self.baseline]
        pairs = [(second, first) for first, second in combinations(others, 2) if {first, second} <= values.keys()]
        between = compare(values, pairs if len(others) <= 3 else [])
        return [*self.against_baseline(), *(one for one in between if one.seeds)]


def datasets(runs: Sequence[Run]) -> list[Dataset]:
    """Sort runs by what they were run on.

    Args:
        runs: in the order in which the report shall show them.
    """
    return [_dataset(name, methods) for name, methods in by_setting(series_of_runs(runs)).items()]


def _dataset(name: str, methods: Sequence[Series]) -> Dataset:
    notes = [
        f"{run.record.name}, seed {run.record.seed}, is there twice; the first is shown."
        for one in methods
        for run in one.repeated
    ]
    notes += [
        f"{one.label} has other settings than {one.label.split(' (')[0]}: see the config.yaml of their directories."
        for one in methods
        if " (" in one.label
    ]
    ordered = sorted(methods, key=lambda method: method.label != BASELINE)
    furthest = max((one.budgets[-1] for one in methods if one.loops), default=1.0)
    references = tuple(
        method for method in ordered if all(len(c.budgets) == 1 and c.budgets[0] > furthest for c in method.curves)
    )
    rest = tuple(method for method in ordered if method not in references)
    return Dataset(name, methods[0].metric, rest, budgets_of(rest), references, tuple(notes))


def signed(pair: Comparison) -> str:
    """Return a difference as text, in points: mean and, from two seeds on, standard deviation over seeds."""
    text = f"{pair.mean:+.2f}".replace("-", MINUS)
    return f"{text} ± {stdev(pair.values):.2f}" if pair.seeds > 1 else text


def told(pair: Comparison) -> str:
    """Return the verdict on a difference in a word or two."""
    return "too few seeds" if pair.seeds < ENOUGH else pair.verdict.value


def interval(pair: Comparison) -> str:
    """Return the interval of a difference as text, a dash where there is none."""
    return pair.interval(2).replace("-", MINUS) or "–"


def smallest(pair: Comparison) -> str:
    """Return the smallest difference that would have shown as text, a dash where none would."""
    return number(pair.smallest, 2) if pair.smallest < 100 else "–"


def headline(dataset: Dataset) -> str:
    """Return what the numbers of a dataset allow to say, in a sentence or two."""
    on = f"On {dataset.name}"
    if dataset.baseline is None:
        return f"{on} there is no run of {BASELINE}, so nothing says whether choosing helps."
    pairs = dataset.against_baseline()
    if not pairs:
        return f"{on} there is nothing to compare with {BASELINE} yet: no seed has been finished by two strategies."
    pairs.sort(key=lambda pair: (not pair.shows, -pair.mean))
    caution = " One seed shows nothing certain." if any(pair.seeds < ENOUGH for pair in pairs) else ""
    return f"{on}, {'; '.join(pair.clause(digits=2) for pair in pairs)}.{caution}"
