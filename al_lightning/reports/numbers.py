"""The runs of a report in numbers: settings, methods, the differences between them, and the tables of all that."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from al_lightning.metrics import Metric
from al_lightning.results.baselines import chance_of
from al_lightning.results.claims import claims_of
from al_lightning.results.comparison import FEWEST, Comparison, sentences
from al_lightning.results.renderers import MINUS, Grid, mean_text, number
from al_lightning.results.series import BASELINE, Series, budgets_of, by_setting, mean_heights, series_of_runs
from al_lightning.results.series_text import in_images, labelled_at, repeats, spread
from al_lightning.results.summary import costs_and_classes, penalties
from al_lightning.runs.journal import Run

STAGES = ("fit", "test", "score", "select")
"""Of a run's cost."""


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
        comparisons: of each strategy with the baseline of its training, corrected with those of the other datasets of a
            page (`claims_of`).
    """

    name: str
    metric: Metric
    methods: tuple[Series, ...]
    budgets: tuple[float, ...]
    references: tuple[Series, ...]
    notes: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    @property
    def runs(self) -> list[Run]:
        """The runs of all methods, references included."""
        return [run for method in (*self.methods, *self.references) for run in method.runs]

    @property
    def baseline(self) -> Series | None:
        """The strategy that the others are compared with."""
        return _baseline(self.methods)

    @property
    def heading(self) -> str:
        """The metric with its unit at the start of a heading: `Accuracy in %`, but `mIoU in %`."""
        title = self.metric.title
        return (title[:1].upper() + title[1:] if title.islower() else title) + self.metric.suffix

    @property
    def in_images(self) -> bool:
        """Whether the runs were given their budgets as numbers of images."""
        return in_images((*self.methods, *self.references))

    @property
    def spread(self) -> str:
        """What the numbers of the methods are: means and deviations, or those of one seed."""
        return spread((*self.methods, *self.references))

    def budget_text(self, budget: float) -> str:
        """Return a budget in two lines, or in one where the runs count images: `30 %` and `300 labels`."""
        labels = f"{self.labelled(budget) or 0:,} labels"
        return labels if self.in_images else f"{100 * budget:.4g} %\n{labels}"

    def labelled(self, budget: float) -> int | None:
        """Return the number of labelled images at a budget."""
        return labelled_at((*self.methods, *self.references), budget)

    def against_baseline(self) -> list[Comparison]:
        """Return the comparison of each strategy with the baseline of its training, where both have finished a seed.

        The baseline of a semi-supervised training is compared with the supervised one; see `series.base_of`.
        Differences are in points of the metric averaged over the curve; of a single fit, at its budget.
        """
        return [comparison for comparison in self.comparisons if comparison.seeds]

    def between_strategies(self) -> list[Comparison]:
        """Return the differences of up to three strategies from each other, which are not tested.

        Strategies whose networks differ in dropout are not set against each other: the network may explain the
        difference. These differences describe: the question that is tested is whether choosing helps, and each further
        test would make that question harder to answer.
        """
        values = mean_heights(self.methods)
        others = [method for method in self.methods if method is not self.baseline and method.label in values]
        tested = {(each.method, each.baseline) for each in self.comparisons}
        described = []
        for one, two in combinations(others, 2) if len(others) <= 3 else ():
            first, second = one.label, two.label
            common = sorted(values[first].keys() & values[second].keys()) if one.dropout == two.dropout else []
            by_seed = tuple((seed, values[second][seed] - values[first][seed]) for seed in common)
            if by_seed and not tested & {(first, second), (second, first)}:
                described.append(Comparison(second, first, by_seed, fmean(value for _, value in by_seed)))
        return described


def _baseline(methods: Sequence[Series]) -> Series | None:
    return min(chance_of(methods), key=lambda method: len(method.label), default=None)


def datasets(runs: Sequence[Run]) -> list[Dataset]:
    """Sort runs, which are in the order in which the report shows them, by setting, and compare their methods."""
    settings = by_setting(series_of_runs(runs))
    compared = claims_of(settings).by_setting
    return [_dataset(name, methods, compared[name]) for name, methods in settings.items()]


def _dataset(name: str, methods: Sequence[Series], compared: Sequence[Comparison]) -> Dataset:
    notes = repeats(methods)
    notes += [
        f"{label} has other settings than {label.split(' (')[0]}: see the config.yaml of their directories."
        for label in (method.label for method in methods)
        if " (" in label
    ]
    base = _baseline(methods)
    ordered = sorted(methods, key=lambda method: method is not base)
    furthest = max((method.budgets[-1] for method in methods if method.loops), default=1.0)
    references = tuple(
        method for method in ordered if all(len(c.budgets) == 1 and c.budgets[0] > furthest for c in method.curves)
    )
    rest = tuple(method for method in ordered if method not in references)
    return Dataset(name, methods[0].metric, rest, budgets_of(rest), references, tuple(notes), tuple(compared))


def signed(comparison: Comparison) -> str:
    """Return a difference as text, in points: mean and, from two seeds on, standard deviation over seeds."""
    text = f"{comparison.mean:+.2f}".replace("-", MINUS)
    return f"{text} ± {stdev(comparison.values):.2f}" if comparison.seeds > 1 else text


def verdict(comparison: Comparison) -> str:
    """Return the verdict on a difference in a word or two."""
    return "too few seeds" if comparison.seeds < FEWEST else comparison.verdict.value


def answer(dataset: Dataset) -> list[str]:
    """Return the verdicts on a dataset's methods, a line each, the clearest first."""
    if dataset.baseline is None:
        return [f"There is no run of {BASELINE}, so nothing says whether choosing helps."]
    compared = dataset.against_baseline()
    if not compared:
        return [f"There is nothing to compare with {BASELINE} yet: no seed has been finished by two strategies."]
    compared.sort(key=lambda comparison: (not comparison.shows, -comparison.advantage))
    return [f"{sentence}." for sentence in sentences(compared, brief=True)]


def difference_rows(tested: Sequence[Comparison], described: Sequence[Comparison] = ()) -> list[list[str]]:
    """Return differences, tested or only described, as a table's rows, the heads first; [] where there are none.

    A column that says of no row anything is left out.
    """
    rows = [
        [
            f"{each.method} − {each.baseline}{f', {each.place}' if each.place else ''}",
            verdict(each) if place < len(tested) else "not tested",
            signed(each),
            each.interval(2).replace("-", MINUS) or "–",
            number(each.smallest, 2) if each.smallest < 100 else "–",
            str(each.seeds),
        ]
        for place, each in enumerate((*tested, *described))
    ]
    heads = ["strategies", "verdict", "difference", "95 %\ninterval", "would show\nwith 80 %", "seeds"]
    empty = {"–", "too few seeds", "not tested"}
    columns = [column for column in zip(heads, *rows, strict=True) if set(column[1:]) - empty]
    return [list(row) for row in zip(*columns, strict=True)] if rows else []


def curves(dataset: Dataset) -> list[list[str]]:
    """Return the curves, the heads first, then a row for each method: label, metric by budget, area, height, seeds."""
    many = len(dataset.budgets) > 1
    single = sorted({method.curves[0].budgets[0] for method in dataset.references})
    heads = [dataset.budget_text(budget) for budget in (*dataset.budgets, *single)]
    rows = [["labelled", *heads, *(["area", "mean\nheight"] if many else []), "seeds"]]
    for method in dataset.methods:
        whole = list(method.whole(dataset.budgets).values())
        cells = [_cell(method.at(budget).values(), len(method.runs)) for budget in dataset.budgets] + [""] * len(single)
        cells += [mean_text([curve.area for curve in whole], 3), mean_text([c.height for c in whole])] if many else []
        rows.append([method.label, *cells, str(len(method.runs))])
    for method in dataset.references:
        values = [mean_text(method.at(budget).values(), none="") for budget in single]
        rows.append([method.label, *[""] * len(dataset.budgets), *values, *[""] * 2 * many, str(len(method.runs))])
    return rows


def _cell(values: Collection[float], seeds: int) -> str:
    text = mean_text(values)
    return text if len(values) in (0, seeds) else f"{text} ({len(values)} of {seeds})"


def cost(methods: Sequence[Series]) -> tuple[list[list[str]], float]:
    """Return the seconds that a run of each name took, by stage, the heads first; and the seconds of all runs."""
    rows, total = [["run", "seeds", *STAGES]], 0.0
    names = [method.name for method in methods]
    for method in methods:
        costs = [[cycle.cost for cycle in run.cycles] for run in method.runs if run.cycles]
        sums = [fmean([sum(cost.get(stage, 0.0) for cost in run) for run in costs] or [0.0]) for stage in STAGES]
        total += sum(sums) * len(costs)
        # A cold start of its own is in no name.
        name = method.name if names.count(method.name) == 1 else f"{method.name}: {method.label}"
        rows.append([name, ", ".join(map(str, method.seeds)), *(f"{value:.1f}" for value in sums)])
    return rows, total


def more(datasets: Sequence[Dataset], class_names: Sequence[Sequence[str]]) -> Sequence[Grid]:
    """Return label costs, classes, called by each dataset's class names, and penalties."""
    grids = [
        Grid(f"{dataset.name}: {grid.title}", grid.rows, grid.remarks)
        for dataset, names in zip(datasets, class_names, strict=True)
        for grid in costs_and_classes(dataset.methods, names)
    ]
    return grids + penalties({dataset.name: dataset.methods for dataset in datasets})
