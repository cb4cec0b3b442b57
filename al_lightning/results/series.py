"""One method on one setting, over its seeds: the curves, and the numbers that text, pages and tables show of them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.metrics import ACCURACY, Metric, metric_of
from al_lightning.results.curves import Curve, curve_of, place_of
from al_lightning.runs.identity import differences
from al_lightning.runs.journal import Run, RunRecord
from al_lightning.runs.parts import (
    additions_of,
    called,
    cold_start_of,
    first_choice_in,
    is_semi_supervised,
    method_of,
    setting_of,
    strategy_of,
)

__all__ = ["Series", "by_setting", "mean_heights", "series_of_runs"]

BASELINE = "random"
"""The strategy that all others are compared with."""
CHOICE = ("acquisition", "constraints")
"""Sections of the settings that say what is chosen."""
DROPOUT = "network.init_args.dropout"
"""The setting with the probability of the dropout that BALD samples."""
CHANCE = ("random_mcd", BASELINE)
"""The strategies that choose at random: with dropout in the network, and without."""


@dataclass(frozen=True)
class Series:
    """One method on one setting: runs that differ by their seed alone.

    Attributes:
        setting: what was run on: dataset, network, budget, augmentation; metric and data where they distinguish.
        label: the method: the strategy, with its training method where that is not the default. Runs of one name with
            different settings are not seeds of each other; all but the first get the beginning of their hash.
        metric: the main metric; without a name where no cycle is finished.
        curves: one for each seed, seeds ascending; values in the metric's unit.
        name: of the runs.
        runs: of the curves, in their order; empty for a CSV file.
        repeated: runs of a seed that another run has already; `curves` leaves them out.
        fractions: whether the curves' budgets are fractions of the pool. Of a CSV file without budgets and pool sizes
            they are numbers of labelled images; areas are not in the published unit then.
    """

    setting: str
    label: str
    metric: Metric
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
        """All budgets that a seed has reached, ascending."""
        return budgets_of([self])

    @property
    def method(self) -> str:
        """The method without a mark that tells its settings from others: the strategy, and its training method."""
        return method_of(self.runs[0].record) if self.runs else self.label

    @property
    def strategy(self) -> str:
        """The strategy that the journal records; of a CSV file, the first word of the label, or the two of `CHANCE`."""
        if self.runs:
            return called(strategy_of(self.runs[0].record))
        return next((each for each in CHANCE if f"{self.label}_".startswith(f"{each}_")), self.label.partition("_")[0])

    @property
    def by_chance(self) -> bool:
        """Whether it is Random, with whatever training."""
        return self.strategy in CHANCE

    @property
    def additions(self) -> str:
        """What cold start and constraints add to the strategy's name; "" for neither, and for a CSV file."""
        return additions_of(self.runs[0].record) if self.runs else ""

    @property
    def draws(self) -> bool:
        """Whether it is Random, also after a cold start or within constraints."""
        return self.strategy.removesuffix(self.additions) in CHANCE

    @property
    def semi_supervised(self) -> bool:
        """Whether it trains on unlabelled images, too."""
        return is_semi_supervised(self.runs[0].record)

    @property
    def other_settings(self) -> dict[str, Any]:
        """The settings of the runs besides those of what is chosen, by dotted key; {} where there are none."""
        settings = self.runs[0].record.settings if self.runs else {}
        return {key: value for key, value in settings.items() if key.split(".")[0] not in CHOICE}

    @property
    def cold_start(self) -> str:
        """What chose the first images, where they were not drawn; else ""."""
        return cold_start_of(self.runs[0].record) if self.runs else ""

    @property
    def first_choice(self) -> str:
        """What chose the first images: a cold start, `random` or `balanced`; "" for a CSV file."""
        return first_choice_in(self.runs[0].record.settings) if self.runs else ""

    def differences_from(self, base: Series) -> list[str]:
        """Return the settings besides those of what is chosen in which a method differs from its baseline."""
        ours, theirs = self.other_settings, base.other_settings
        if self.cold_start or base.cold_start:
            ours, theirs = (
                {key: value for key, value in settings.items() if key.split(".")[0] != "initial"}
                for settings in (ours, theirs)
            )
        return differences(theirs, ours)

    @property
    def dropout(self) -> bool:
        """Whether the network trains with dropout, for BALD: another network, which is compared with its like alone.

        The settings decide; without settings, the names of the strategies that ship with dropout. A head that was
        fitted to convergence, a linear probe, was fitted without dropout, whatever a strategy drops when it scores.
        """
        if (done := [each for run in self.runs for each in run.cycles]) and all(
            c.health.get("converged") for c in done
        ):
            return False
        if settings := self.other_settings:
            return bool(settings.get(DROPOUT))
        words = re.split(r"[^a-z]+", self.label.lower())
        return "probe" not in words and not {"bald", "mcd"}.isdisjoint(words)

    @property
    def test_images(self) -> int | None:
        """Number of test images of an accuracy; None where it is not known or not one number, and for other metrics."""
        counts = {run.record.test_images for run in self.runs}
        return counts.pop() or None if self.metric.name == ACCURACY.name and len(counts) == 1 else None

    @property
    def loops(self) -> bool:
        """Whether a seed has more than one point: a method of a single fit has no curve."""
        return any(len(curve.budgets) > 1 for curve in self.curves)

    def at(self, budget: float) -> dict[int, float]:
        """Return the metric at a nominal budget of each seed that has reached it.

        Args:
            budget: as a fraction of the pool.

        Raises:
            UsageError: the budgets are not known as fractions.
        """
        self._needs_fractions("The value at a budget")
        return {c.seed: c.values[at] for c in self.curves if (at := place_of(c.budgets, budget)) is not None}

    def at_labelled(self, labelled: int) -> dict[int, float]:
        """Return the metric at a number of labelled images of each seed that was measured there."""
        return {c.seed: c.values[at] for c in self.curves if (at := place_of(c.labelled, labelled)) is not None}

    def areas(self, budgets: Sequence[float] | None = None) -> dict[int, float]:
        """Return the area under each seed's curve (Eq. 2 of the paper: percent times fraction of the pool).

        Args:
            budgets: as for `whole`; areas over different widths do not compare.

        Raises:
            UsageError: the budgets are not known as fractions.
        """
        self._needs_fractions("An area")
        return {seed: curve.area for seed, curve in self.whole(budgets).items()}

    def heights(self, budgets: Sequence[float] | None = None) -> dict[int, float]:
        """Return the metric averaged over each seed's curve (area over width); of one point, its value.

        Args:
            budgets: as for `whole`.
        """
        return {seed: curve.height for seed, curve in self.whole(budgets).items()}

    def whole(self, budgets: Sequence[float] | None = None) -> dict[int, Curve]:
        """Return the curves that have exactly these budgets, by default all of the series."""
        wanted = self.budgets if budgets is None else budgets
        return {curve.seed: curve for curve in self.curves if curve.values and _same(curve.budgets, wanted)}

    @property
    def class_metric(self) -> Metric | None:
        """The first class-wise metric of the runs; None without one."""
        found = ((run, item) for run in self.runs for cycle in run.cycles for item in cycle.metrics.items())
        return next((run.record.metric(name) for run, (name, value) in found if isinstance(value, list)), None)

    def classes(self, budget: float) -> dict[int, tuple[float | None, ...]]:
        """Return the class-wise metric at a nominal budget by seed, in its unit; None for a class that is absent."""
        by_seed: dict[int, tuple[float | None, ...]] = {}
        if (metric := self.class_metric) is not None:
            for run in self.runs:
                place = place_of([cycle.budget for cycle in run.cycles], budget)
                values = None if place is None else run.cycles[place].metrics.get(metric.name)
                if isinstance(values, list):
                    by_seed[run.record.seed] = tuple(None if v is None else metric.scale * v for v in values)
        return by_seed

    def _needs_fractions(self, what: str) -> None:
        if not self.fractions:
            raise UsageError(
                f"{what} needs budgets as fractions of the pool, and those of {self.label} on {self.setting} are not "
                "known; add a column budget or pool_size."
            )


# Several methods of one setting, as `statistics.compare` takes them


def budgets_of(series: Iterable[Series]) -> tuple[float, ...]:
    """Return all budgets that a seed of some method has reached, ascending."""
    return tuple(sorted({budget for each in series for curve in each.curves for budget in curve.budgets}))


def mean_heights(series: Sequence[Series]) -> dict[str, dict[int, float]]:
    """Return the metric averaged over the curve, by method and seed, of curves over the whole budget.

    The whole budget is every budget that any of these methods has reached. Methods of a single fit do not count,
    unless all are such.
    """
    budgets = budgets_of([each for each in series if each.loops] or series)
    return {each.label: heights for each in series if (heights := each.heights(budgets))}


# From journals


def series_of_runs(runs: Sequence[Run]) -> list[Series]:
    """Sort runs by setting and method.

    Args:
        runs: finished or not, in the order in which they are to be shown.

    Returns:
        A series for each method of each setting, in the order of their first runs; those without a finished cycle last.
    """
    members = [(run, curve_of(run), setting_of(run.record)) for run in runs]
    metrics: dict[str, Metric] = {}
    for _, curve, setting in members:
        if curve.metric.name:
            metrics.setdefault(setting, curve.metric)
    groups: dict[_Key, dict[tuple[str, str], list[tuple[Run, Curve]]]] = {}
    for run, curve, setting in members:
        # A run without a finished cycle has no metric; it belongs to the runs of its setting that have one.
        metric = curve.metric if curve.metric.name else metrics.get(setting, metric_of(""))
        method = method_of(run.record), run.record.config_sha256
        groups.setdefault((setting, metric, run.record.data_sha256), {}).setdefault(method, []).append((run, curve))
    series = [each for key, methods in groups.items() for each in _methods(_title(key, groups), key[1], methods)]
    return sorted(series, key=lambda each: (not each.budgets, min(runs.index(run) for run in each.runs)))


_Key = tuple[str, Metric, str]
"""Setting, metric, hash of the data."""


def by_setting(series: Iterable[Series]) -> dict[str, list[Series]]:
    """Return the methods of each setting, in their order."""
    settings: dict[str, list[Series]] = {}
    for each in series:
        settings.setdefault(each.setting, []).append(each)
    return settings


def _title(key: _Key, groups: Collection[_Key]) -> str:
    """Return a setting's name, with its metric and data where another setting has the same name."""
    name, metric, data = key
    if [other for other, _, _ in groups].count(name) == 1:
        return name
    return f"{name} ({', '.join([metric.name, *([f'data {data[:6]}'] if data else [])])})"


def _methods(
    setting: str, metric: Metric, methods: Mapping[tuple[str, str], Sequence[tuple[Run, Curve]]]
) -> Iterator[Series]:
    """Yield the methods of a setting; runs of one name whose settings differ are methods of their own.

    Where only the drawing of the first images differs, the further one is called by it: `random_from_balanced`.
    """
    taken: dict[str, RunRecord] = {}
    for (method, sha), members in methods.items():
        record, label = members[0][0].record, method
        if method in taken:
            named = _named_by_first_choice(method, record, taken[method])
            label = named if named and named not in taken else f"{method} ({sha[:6]})"
        taken[label] = record
        by_seed = {curve.seed: (run, curve) for run, curve in reversed(members)}  # of a repeated seed the first run
        runs, curves = zip(*(by_seed[seed] for seed in sorted(by_seed)), strict=True)
        repeated = tuple(run for run, curve in members if by_seed[curve.seed][1] is not curve)
        yield Series(setting, label, metric, curves, runs[0].record.name, runs, repeated)


def _named_by_first_choice(method: str, record: RunRecord, other: RunRecord) -> str:
    """Return a method's name with what drew its first images; "" where not that alone tells it from another."""
    first, others = (first_choice_in(each.settings) for each in (record, other))
    strategy = called(strategy_of(record))
    alike = after_the_first_choice(record) == after_the_first_choice(other)
    return f"{strategy}_from_{first}{method.removeprefix(strategy)}" if first != others and alike else ""


def after_the_first_choice(record: RunRecord) -> dict[str, Any]:
    """Return a run's settings without what chose its first images."""
    return {key: value for key, value in record.settings.items() if key.split(".")[0] != "initial"}


def _same(budgets: Sequence[float], wanted: Sequence[float]) -> bool:
    pairs = zip(budgets, wanted, strict=False)
    return len(budgets) == len(wanted) and all(math.isclose(first, second, rel_tol=1e-9) for first, second in pairs)
