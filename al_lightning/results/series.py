"""Where the numbers come from: one method on one setting, its curves by seed, read from journals or from a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from al_lightning.errors import UsageError
from al_lightning.results.curves import Curve, curve_of
from al_lightning.results.label_cost import LabelCost, Saving, label_cost, saving
from al_lightning.runs.journal import Run


@dataclass(frozen=True)
class Series:
    """One method on one setting: runs that differ by their seed alone.

    Attributes:
        setting: what was run on: dataset, network, budget, augmentation; metric and data where they tell apart.
        method: the strategy, with the training where the name has one; with the beginning of the settings' hash where
            runs of one name had different settings, for those are no seeds of each other.
        metric: the main metric's name; empty where no cycle is finished.
        curves: by seed, ascending; values in percent.
        name: of the runs.
        runs: by seed; empty for a CSV file.
        repeated: runs of a seed that was there before; they are left out of `curves`.
        fractions: whether the curves' budgets are fractions of the pool. Of a CSV file without budgets and pool sizes
            they are numbers of labelled images; areas are not in the published unit then.
    """

    setting: str
    method: str
    metric: str
    curves: Mapping[int, Curve]
    name: str = ""
    runs: Mapping[int, Run] = field(default_factory=dict)
    repeated: tuple[Run, ...] = ()
    fractions: bool = True

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, ascending."""
        return tuple(self.curves)

    @property
    def budgets(self) -> tuple[float, ...]:
        """All budgets that a seed got to, ascending."""
        return tuple(sorted({budget for curve in self.curves.values() for budget in curve.budgets}))

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
        return {seed: height(curve) for seed, curve in self.whole(budgets).items()}

    def whole(self, budgets: Sequence[float] | None = None) -> dict[int, Curve]:
        """Return the curves that go over exactly these budgets, by default all of the series."""
        wanted = self.budgets if budgets is None else budgets
        return {seed: curve for seed, curve in self.curves.items() if curve.values and _same(curve.budgets, wanted)}

    def label_costs(self, target: float) -> dict[int, LabelCost]:
        """Return how many labels each seed needs to reach a target in percent; see `label_cost`."""
        return {seed: label_cost(c.labelled, c.values, target) for seed, c in self.curves.items() if c.values}

    def classes(self, budget: float) -> dict[int, tuple[float | None, ...]]:
        """Return the class-wise metric at a nominal budget, in percent, by seed; None for a class that is absent."""
        found = {}
        for seed, run in self.runs.items():
            place = _place([done.budget for done in run.cycles], budget)
            lists = [] if place is None else [v for v in run.cycles[place].metrics.values() if isinstance(v, list)]
            if lists:
                found[seed] = tuple(None if value is None else 100 * value for value in lists[0])
        return found

    def _where(self, place: Callable[[Curve], int | None]) -> dict[int, float]:
        places = {seed: place(curve) for seed, curve in self.curves.items()}
        return {seed: self.curves[seed].values[at] for seed, at in places.items() if at is not None}

    def _needs_fractions(self, what: str) -> None:
        if not self.fractions:
            raise UsageError(
                f"{what} needs budgets as fractions of the pool, and those of {self.method} on {self.setting} are not "
                "known; add a column budget or pool_size."
            )


def savings(series: Series, other: Series, target: float) -> dict[int, Saving]:
    """Return how many labels a method saves against another, seed by seed, until both reach a target in percent."""
    mine, theirs = series.label_costs(target), other.label_costs(target)
    return {
        seed: saving(mine[seed], theirs[seed], series.method, other.method)
        for seed in sorted(mine.keys() & theirs.keys())
    }


def height(curve: Curve) -> float:
    """Return the metric averaged over the curve, in percent; of a single point, its value."""
    mean = curve.mean_height
    return curve.values[0] if mean is None else mean


# Several methods of one setting, as `statistics.compare` takes them


def values_at(series: Iterable[Series], budget: float) -> dict[str, dict[int, float]]:
    """Return the metric at a nominal budget, in percent, by method and seed."""
    return {one.method: found for one in series if (found := one.at(budget))}


def mean_heights(series: Sequence[Series]) -> dict[str, dict[int, float]]:
    """Return the metric averaged over the curve, in percent, by method and seed, of curves over the whole budget.

    The whole budget is all that any of these methods got to; methods of a single fit are not part of it, unless all
    are such.
    """
    loops = [one for one in series if any(len(curve.budgets) > 1 for curve in one.curves.values())]
    budgets = tuple(sorted({budget for one in loops or series for budget in one.budgets}))
    return {one.method: found for one in series if (found := one.heights(budgets))}


def class_values(series: Iterable[Series], budget: float) -> dict[int, dict[str, dict[int, float]]]:
    """Return the class-wise metric at a nominal budget, in percent, by class, method and seed, without absent ones.

    A class is a setting for `statistics.compare_settings`, so that claims are corrected for the number of classes.
    """
    found: dict[int, dict[str, dict[int, float]]] = {}
    for one in series:
        for seed, values in one.classes(budget).items():
            for number, value in enumerate(values):
                if value is not None:
                    found.setdefault(number, {}).setdefault(one.method, {})[seed] = value
    return dict(sorted(found.items()))


def class_differences(series: Series, other: Series, budget: float) -> list[dict[int, float]]:
    """Return, for each class, series - other in points by seed, where both have the class; empty where none has."""
    values = class_values([series, replace(other, method="")], budget)
    empty: dict[int, float] = {}
    return [
        {seed: mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())}
        for number in range(max(values, default=-1) + 1)
        for mine in [values.get(number, {}).get(series.method, empty)]
        for theirs in [values.get(number, {}).get("", empty)]
    ]


def baseline_of(method: str, methods: Collection[str], baseline: str = "random") -> str | None:
    """Return what a method is to be compared with: the baseline of the same training, else the baseline.

    `entropy_uda` has `random_uda` where there is one. None where there is no baseline, and for baselines.
    """
    if method == baseline or method.startswith(f"{baseline}_"):
        return None
    parts = method.split("_")
    trained = [f"{baseline}_{'_'.join(parts[first:])}" for first in range(1, len(parts))]
    return next((name for name in [*trained, baseline] if name in methods), None)


def against(method: str, methods: Collection[str], baseline: str = "random") -> str | None:
    """Return what a method is compared with: the baseline of its training, and that the baseline without it."""
    if method.startswith(f"{baseline}_") and baseline in methods:
        return baseline
    return baseline_of(method, methods, baseline)


# From journals


def split_name(name: str, strategies: Collection[str] | None = None) -> tuple[str, str]:
    """Return a run's dataset (with network, budget and augmentation) and its strategy (with the training)."""
    parts = name.split("_")
    if strategies is not None:
        # The longest name wins, where it stands furthest left: coreset_mcd is no coreset with a training called mcd.
        for first in range(1, len(parts)):
            if any("_".join(parts[first:end]) in strategies for end in range(len(parts), first, -1)):
                return "_".join(parts[:first]), "_".join(parts[first:])
    return ("_".join(parts[:-1]), parts[-1]) if len(parts) > 1 else (name, name)


def series_of_runs(runs: Sequence[Run], strategies: Collection[str] | None = None) -> list[Series]:
    """Sort runs by setting, then by method.

    Args:
        runs: finished or not, in the order in which they shall be shown.
        strategies: names of strategies, to find where in a run's name the dataset ends; without them, its last part is
            the strategy.

    Returns:
        A series for each method of each setting, in the order of their first runs.
    """
    groups: dict[tuple[str, str, str], list[tuple[str, Run, Curve]]] = {}
    metric_of: dict[str, str] = {}
    for run in runs:
        name, strategy = split_name(run.record.name, strategies)
        curve = curve_of(run)
        if curve.metric:
            metric_of.setdefault(name, curve.metric)
        groups.setdefault((name, curve.metric, run.record.data_sha256), []).append((strategy, run, curve))
    # A run that has not finished a cycle yet has no metric; it belongs to those of its dataset that have.
    for name, metric, data in [key for key in groups if not key[1] and key[0] in metric_of]:
        groups.setdefault((name, metric_of[name], data), []).extend(groups.pop((name, metric, data)))
    names = [name for name, _, _ in groups]
    found = []
    for (name, metric, data), members in groups.items():
        apart = ", ".join([metric, *([f"data {data[:6]}"] if data else [])])
        found += _methods(name if names.count(name) == 1 else f"{name} ({apart})", metric, members)
    return found


def _methods(setting: str, metric: str, members: Sequence[tuple[str, Run, Curve]]) -> list[Series]:
    by_settings: dict[tuple[str, str], dict[int, tuple[Run, Curve]]] = {}
    repeated: dict[tuple[str, str], list[Run]] = {}
    for strategy, run, curve in members:
        key = (strategy, run.record.config_sha256)
        same = by_settings.setdefault(key, {})
        if run.record.seed in same:
            repeated.setdefault(key, []).append(run)
        same.setdefault(run.record.seed, (run, curve))
    found: list[Series] = []
    for (strategy, sha), by_seed in by_settings.items():
        # Runs of one name whose settings differ are no seeds of each other; the hash tells them apart.
        label = f"{strategy} ({sha[:6]})" if strategy in [one.method for one in found] else strategy
        runs = {seed: by_seed[seed][0] for seed in sorted(by_seed)}
        curves = {seed: by_seed[seed][1] for seed in runs}
        name = next(iter(runs.values())).record.name
        found.append(Series(setting, label, metric, curves, name, runs, tuple(repeated.get((strategy, sha), ()))))
    return found


def _place(numbers: Sequence[float], wanted: float) -> int | None:
    return next((place for place, one in enumerate(numbers) if math.isclose(one, wanted, rel_tol=1e-9)), None)


def _same(budgets: Sequence[float], wanted: Sequence[float]) -> bool:
    pairs = zip(budgets, wanted, strict=False)
    return len(budgets) == len(wanted) and all(math.isclose(one, other, rel_tol=1e-9) for one, other in pairs)
