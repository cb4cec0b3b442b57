"""One method on one setting, over its seeds: the curves, and the numbers that text, pages and tables show of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from al_lightning.errors import UsageError
from al_lightning.metrics import PERCENT
from al_lightning.results.curves import Curve, curve_of
from al_lightning.results.label_cost import LabelCost, Saving, label_cost, saving
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import method_of, setting_of

BASELINE = "random"
"""The strategy that all others are compared with."""


@dataclass(frozen=True)
class Series:
    """One method on one setting: runs that differ by their seed alone.

    Attributes:
        setting: what was run on: dataset, network, budget, augmentation; metric and data where they tell apart.
        label: the method: the strategy, with its training method where that is not the default one. Runs of one name
            with different settings are not seeds of each other; all but the first get the beginning of their hash.
        metric: the main metric's name; empty where no cycle is finished.
        curves: one a seed, seeds ascending; values in percent.
        name: of the runs.
        runs: of the curves, in their order; empty for a CSV file.
        repeated: runs of a seed that was there before; they are left out of `curves`.
        fractions: whether the curves' budgets are fractions of the pool. Of a CSV file without budgets and pool sizes
            they are numbers of labelled images; areas are not in the published unit then.
    """

    setting: str
    label: str
    metric: str
    curves: tuple[Curve, ...]
    name: str = ""
    runs: tuple[Run, ...] = ()
    repeated: tuple[Run, ...] = ()
    fractions: bool = True

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, ascending."""
        return tuple(curve.seed for curve in self.curves)

    @property
    def budgets(self) -> tuple[float, ...]:
        """All budgets that a seed got to, ascending."""
        return budgets_of([self])

    @property
    def loops(self) -> bool:
        """Whether a seed has more than one point: a method of a single fit has no curve."""
        return any(len(curve.budgets) > 1 for curve in self.curves)

    def at(self, budget: float) -> dict[int, float]:
        """Return the metric at a nominal budget, in percent, of each seed that got there.

        Args:
            budget: as a fraction of the pool.

        Raises:
            UsageError: the budgets are not known as fractions.
        """
        self._needs_fractions("The value at a budget")
        return self._where(lambda curve: _place(curve.budgets, budget))

    def at_labelled(self, labelled: int) -> dict[int, float]:
        """Return the metric at a number of labelled images, in percent, of each seed that was measured there."""
        return self._where(lambda curve: _place(curve.labelled, labelled))

    def areas(self, budgets: Sequence[float] | None = None) -> dict[int, float]:
        """Return the area under each seed's curve (Eq. 2: percent times fraction of the pool).

        Args:
            budgets: what a curve must go over, for areas over different widths do not compare; by default `budgets`.

        Raises:
            UsageError: the budgets are not known as fractions.
        """
        self._needs_fractions("An area")
        return {seed: curve.area for seed, curve in self.whole(budgets).items()}

    def heights(self, budgets: Sequence[float] | None = None) -> dict[int, float]:
        """Return the metric averaged over each seed's curve (area over width), in percent; of one point, its value.

        Args:
            budgets: what a curve must go over; by default `budgets`.
        """
        return {seed: curve.height for seed, curve in self.whole(budgets).items()}

    def whole(self, budgets: Sequence[float] | None = None) -> dict[int, Curve]:
        """Return the curves that go over exactly these budgets, by default all of the series."""
        wanted = self.budgets if budgets is None else budgets
        return {curve.seed: curve for curve in self.curves if curve.values and _same(curve.budgets, wanted)}

    def label_costs(self, target: float) -> dict[int, LabelCost]:
        """Return how many labels each seed needs to reach a target in percent; see `label_cost`."""
        return {c.seed: label_cost(c.labelled, c.values, target) for c in self.curves if c.values}

    def classes(self, budget: float) -> dict[int, tuple[float | None, ...]]:
        """Return the class-wise metric at a nominal budget, in percent, by seed; None for a class that is absent."""
        found = {}
        for run in self.runs:
            place = _place([done.budget for done in run.cycles], budget)
            lists = [] if place is None else [v for v in run.cycles[place].metrics.values() if isinstance(v, list)]
            if lists:
                found[run.record.seed] = tuple(None if value is None else PERCENT * value for value in lists[0])
        return found

    def _where(self, place: Callable[[Curve], int | None]) -> dict[int, float]:
        places = [(curve, place(curve)) for curve in self.curves]
        return {curve.seed: curve.values[at] for curve, at in places if at is not None}

    def _needs_fractions(self, what: str) -> None:
        if not self.fractions:
            raise UsageError(
                f"{what} needs budgets as fractions of the pool, and those of {self.label} on {self.setting} are not "
                "known; add a column budget or pool_size."
            )


def savings(series: Series, other: Series, target: float) -> dict[int, Saving]:
    """Return how many labels a method saves against another, seed by seed, until both reach a target in percent."""
    mine, theirs = series.label_costs(target), other.label_costs(target)
    return {
        seed: saving(mine[seed], theirs[seed], series.label, other.label)
        for seed in sorted(mine.keys() & theirs.keys())
    }


# Several methods of one setting, as `statistics.compare` takes them


def budgets_of(series: Iterable[Series]) -> tuple[float, ...]:
    """Return all budgets that a seed of some method got to, ascending."""
    return tuple(sorted({budget for one in series for curve in one.curves for budget in curve.budgets}))


def values_at(series: Iterable[Series], budget: float) -> dict[str, dict[int, float]]:
    """Return the metric at a nominal budget, in percent, by method and seed."""
    return {one.label: found for one in series if (found := one.at(budget))}


def mean_heights(series: Sequence[Series]) -> dict[str, dict[int, float]]:
    """Return the metric averaged over the curve, in percent, by method and seed, of curves over the whole budget.

    The whole budget is all that any of these methods got to; methods of a single fit are not part of it, unless all
    are such.
    """
    budgets = budgets_of([one for one in series if one.loops] or series)
    return {one.label: found for one in series if (found := one.heights(budgets))}


def class_values(series: Iterable[Series], budget: float) -> dict[int, dict[str, dict[int, float]]]:
    """Return the class-wise metric at a nominal budget, in percent, by class, method and seed, without absent ones.

    A class is a setting for `statistics.compare_settings`, so that claims are corrected for the number of classes.
    """
    found: dict[int, dict[str, dict[int, float]]] = {}
    for one in series:
        for seed, values in one.classes(budget).items():
            for number, value in enumerate(values):
                if value is not None:
                    found.setdefault(number, {}).setdefault(one.label, {})[seed] = value
    return dict(sorted(found.items()))


def class_differences(series: Series, other: Series, budget: float) -> list[dict[int, float]]:
    """Return, for each class, series - other in points by seed, where both have the class; empty where none has."""
    values = class_values([series, replace(other, label="")], budget)
    empty: dict[int, float] = {}
    return [
        {seed: mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())}
        for number in range(max(values, default=-1) + 1)
        for mine in [values.get(number, {}).get(series.label, empty)]
        for theirs in [values.get(number, {}).get("", empty)]
    ]


def baseline_of(method: str, methods: Collection[str], baseline: str = BASELINE) -> str | None:
    """Return what a method is to be compared with: the baseline of the same training, else the baseline.

    `entropy_uda` has `random_uda` where there is one. None where there is no baseline, and for baselines.
    """
    if method == baseline or method.startswith(f"{baseline}_"):
        return None
    parts = method.split("_")
    trained = [f"{baseline}_{'_'.join(parts[first:])}" for first in range(1, len(parts))]
    return next((name for name in [*trained, baseline] if name in methods), None)


def against(method: str, methods: Collection[str], baseline: str = BASELINE) -> str | None:
    """Return what a method is compared with: the baseline of its training, and that the baseline without it."""
    if method.startswith(f"{baseline}_") and baseline in methods:
        return baseline
    return baseline_of(method, methods, baseline)


def base_of(series: Series, methods: Iterable[Series]) -> Series | None:
    """Return the method of a setting that one of its methods is compared with; see `against`."""
    by_label = {one.label: one for one in methods}
    name = against(series.label, by_label)
    return None if name is None else by_label[name]


def pairs_with_base(methods: Sequence[Series], values: Collection[str]) -> list[tuple[str, str]]:
    """Return, for `statistics.compare`, the labels of each method of a setting and of what it is compared with.

    Args:
        methods: of the setting.
        values: labels of those that have values; pairs of others are left out.
    """
    pairs = [(one.label, base.label) for one in methods if (base := base_of(one, methods)) is not None]
    return [pair for pair in pairs if pair[0] in values and pair[1] in values]


# From journals


def series_of_runs(runs: Sequence[Run]) -> list[Series]:
    """Sort runs by setting and method.

    Args:
        runs: finished or not, in the order in which they shall be shown.

    Returns:
        A series for each method of each setting, in the order of their first runs; those without a finished cycle last.
    """
    members = [(run, curve_of(run), setting_of(run.record)) for run in runs]
    metric_of: dict[str, str] = {}
    for _, curve, setting in members:
        if curve.metric:
            metric_of.setdefault(setting, curve.metric)
    groups: dict[tuple[str, str, str], dict[tuple[str, str], list[tuple[Run, Curve]]]] = {}
    for run, curve, setting in members:
        # A run that has not finished a cycle yet has no metric; it belongs to those of its setting that have.
        key = setting, curve.metric or metric_of.get(setting, ""), run.record.data_sha256
        method = method_of(run.record), run.record.config_sha256
        groups.setdefault(key, {}).setdefault(method, []).append((run, curve))
    found = [one for key, methods in groups.items() for one in _methods(_title(key, groups), key[1], methods)]
    return sorted(found, key=lambda one: (not one.budgets, min(runs.index(run) for run in one.runs)))


def by_setting(series: Iterable[Series]) -> dict[str, list[Series]]:
    """Return the methods of each setting, in their order."""
    settings: dict[str, list[Series]] = {}
    for one in series:
        settings.setdefault(one.setting, []).append(one)
    return settings


def distinct_names(series: Sequence[Series]) -> list[str]:
    """Return the name of each method's runs; where several have one name, with what tells them apart.

    That is the beginning of the hash of their settings or, where these are the same, the setting.
    """
    keys = [(one.name, one.curves[0].config_sha256) for one in series]
    names = [name for name, _ in keys]
    marks = [one.setting if keys.count(key) > 1 else key[1][:6] for one, key in zip(series, keys, strict=True)]
    return [f"{name} ({mark})" if names.count(name) > 1 else name for name, mark in zip(names, marks, strict=True)]


def _title(setting: tuple[str, str, str], groups: Collection[tuple[str, str, str]]) -> str:
    """Return a setting's name, with its metric and data where others have the name too."""
    name, metric, data = setting
    if [one for one, _, _ in groups].count(name) == 1:
        return name
    return f"{name} ({', '.join([metric, *([f'data {data[:6]}'] if data else [])])})"


def _methods(
    setting: str, metric: str, methods: Mapping[tuple[str, str], Sequence[tuple[Run, Curve]]]
) -> Iterator[Series]:
    """Yield the methods of a setting; runs of one name whose settings differ are methods of their own."""
    taken = set[str]()
    for (method, sha), members in methods.items():
        label = f"{method} ({sha[:6]})" if method in taken else method
        taken.add(method)
        by_seed: dict[int, tuple[Run, Curve]] = {}
        repeated = []
        for run, curve in members:
            if by_seed.setdefault(curve.seed, (run, curve))[1] is not curve:
                repeated.append(run)
        kept = [by_seed[seed] for seed in sorted(by_seed)]
        runs, curves = tuple(run for run, _ in kept), tuple(curve for _, curve in kept)
        yield Series(setting, label, metric, curves, runs[0].record.name, runs, tuple(repeated))


def _place(numbers: Sequence[float], wanted: float) -> int | None:
    return next((place for place, one in enumerate(numbers) if math.isclose(one, wanted, rel_tol=1e-9)), None)


def _same(budgets: Sequence[float], wanted: Sequence[float]) -> bool:
    pairs = zip(budgets, wanted, strict=False)
    return len(budgets) == len(wanted) and all(math.isclose(one, other, rel_tol=1e-9) for one, other in pairs)
