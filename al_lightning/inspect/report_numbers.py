"""What the runs of a report say in numbers: which belong together, who is ahead of whom, and whether that shows."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from al_lightning.results.journal import Run
from al_lightning.results.metrics import Curve, curve_of

BASELINE = "random"
ENOUGH = 3
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
        method: the one.
        other: the other.
        values: method - other for each seed that both have finished.
    """

    method: str
    other: str
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean of the differences."""
        return fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the differences; None for one seed."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def shows(self) -> bool:
        """Whether there are enough seeds, and the mean is more than two standard errors away from nothing."""
        if len(self.values) < ENOUGH or self.deviation is None:
            return False
        return abs(self.mean) > 2 * self.deviation / math.sqrt(len(self.values))


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
        return next((method for method in self.methods if method.label == BASELINE), None)

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

    def difference(self, method: Method, other: Method) -> Difference | None:
        """Compare two strategies seed by seed, where both have finished; None where no seed is common."""
        mine, theirs = method.whole(self.budgets), other.whole(self.budgets)
        values = tuple(height(mine[seed]) - height(theirs[seed]) for seed in sorted(mine.keys() & theirs.keys()))
        return Difference(method.label, other.label, values) if values else None

    def against_baseline(self) -> list[Difference]:
        """Compare each strategy with the baseline."""
        return [pair for pair in self.differences() if pair.other == BASELINE]

    def differences(self) -> list[Difference]:
        """Compare each with the baseline and, where they are few, with each other."""
        base = self.baseline
        others = [method for method in self.methods if method is not base]
        pairs = [(method, base) for method in others if base is not None]
        if len(others) <= 3:
            pairs += [(second, first) for first, second in combinations(others, 2)]
        return [found for method, other in pairs if (found := self.difference(method, other)) is not None]


def height(curve: Curve) -> float:
    """Return the metric averaged over the curve, in percent; of a single point, its value."""
    mean = curve.mean_height
    return curve.values[0] if mean is None else mean


def datasets(runs: Sequence[Run], strategies: Collection[str] | None = None) -> list[Dataset]:
    """Sort runs by what they were run on.

    Args:
        runs: in the order in which the report shall show them.
        strategies: names of strategies, to find where in a run's name the dataset ends; without them, its last part is
            the strategy.
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
        apart = [metric, *([f"data {data[:6]}"] if data else [])]
        found.append(_dataset(name if names.count(name) == 1 else f"{name} ({', '.join(apart)})", metric, members))
    return found


def _dataset(name: str, metric: str, members: Sequence[tuple[str, Run, Curve]]) -> Dataset:
    notes = []
    by_settings: dict[tuple[str, str], dict[int, tuple[Run, Curve]]] = {}
    for strategy, run, curve in members:
        same = by_settings.setdefault((strategy, run.record.config_sha256), {})
        if run.record.seed in same:
            notes.append(f"{run.record.name}, seed {run.record.seed}, is there twice; the first is shown.")
        same.setdefault(run.record.seed, (run, curve))
    methods: list[Method] = []
    for (strategy, sha), found in by_settings.items():
        label = strategy
        if label in [method.label for method in methods]:
            # Runs of one name whose settings differ are no seeds of each other; the hash tells them apart.
            label = f"{strategy} ({sha[:6]})"
            notes.append(f"{label} has other settings than {strategy}: see the config.yaml of their directories.")
        kept = [found[seed] for seed in sorted(found)]
        runs, curves = tuple(run for run, _ in kept), tuple(curve for _, curve in kept)
        methods.append(Method(label, runs[0].record.name, runs, curves))
    methods.sort(key=lambda method: method.label != BASELINE)
    furthest = max((c.budgets[-1] for method in methods for c in method.curves if len(c.budgets) > 1), default=1.0)
    references = tuple(
        method for method in methods if all(len(c.budgets) == 1 and c.budgets[0] > furthest for c in method.curves)
    )
    rest = tuple(method for method in methods if method not in references)
    budgets = {budget for method in rest for curve in method.curves for budget in curve.budgets}
    return Dataset(name, metric, rest, tuple(sorted(budgets)), references, tuple(notes))


def split_name(name: str, strategies: Collection[str] | None = None) -> tuple[str, str]:
    """Return a run's dataset (with network, budget and augmentation) and its strategy (with the training)."""
    parts = name.split("_")
    if strategies is not None:
        # The longest name wins, where it stands furthest left: coreset_mcd is no coreset with a training called mcd.
        for first in range(1, len(parts)):
            if any("_".join(parts[first:end]) in strategies for end in range(len(parts), first, -1)):
                return "_".join(parts[:first]), "_".join(parts[first:])
    return ("_".join(parts[:-1]), parts[-1]) if len(parts) > 1 else (name, name)


def false_alarms(seeds: int) -> float:
    """Return how often the rule calls a difference one where there is none, if differences are normal."""
    from scipy.special import stdtr

    return 2 * float(stdtr(seeds - 1, -2.0))


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


def headline(dataset: Dataset) -> str:
    """Return what the numbers of a dataset allow to say, in a sentence or two."""
    on = f"On {dataset.name}"
    if dataset.baseline is None:
        return f"{on} there is no run of {BASELINE}, so nothing says whether choosing helps."
    pairs = dataset.against_baseline()
    if not pairs:
        return f"{on} there is nothing to compare with {BASELINE} yet: no seed has been finished by two strategies."
    said = []
    for count in sorted({len(pair.values) for pair in pairs}, reverse=True):
        over = "one seed" if count == 1 else f"{count} seeds"
        said.append(f"over {over}, {_clauses([pair for pair in pairs if len(pair.values) == count])}")
    fewest = min(len(pair.values) for pair in pairs)
    caution = f" Fewer than {ENOUGH} seeds show nothing certain." if fewest < ENOUGH else ""
    return f"{on}, {'; '.join(said)}.{' One seed shows nothing certain.' if fewest == 1 else caution}"


def _clauses(pairs: Sequence[Difference]) -> str:
    """Return who is ahead of, behind, or not to be told from the baseline, as clauses of one sentence."""
    clauses = []
    for pair in sorted(pairs, key=lambda pair: (not pair.shows, -pair.mean)):
        amount = f"{abs(pair.mean):.2f}" + (f" ± {pair.deviation:.2f}" if pair.deviation is not None else "")
        if len(pair.values) < ENOUGH:
            clauses.append(f"{pair.method} measured {amount} points {_side(pair)} {pair.other}")
        elif pair.shows:
            clauses.append(
                f"{pair.method} is {'ahead of' if pair.mean > 0 else 'behind'} {pair.other} by {amount} points"
            )
        else:
            clauses.append(f"{pair.method} is not distinguishable from {pair.other} ({signed(pair)} points)")
    return "; ".join(clauses)


def _side(pair: Difference) -> str:
    if round(pair.mean, 2) == 0:
        return "away from"
    return "above" if pair.mean > 0 else "below"
