"""The tables of a report: the curves, the differences between strategies, and what the runs cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from al_lightning.reports.numbers import Dataset, interval, signed, smallest, verdict
from al_lightning.results.renderers import Grid, mean_text
from al_lightning.results.series import Series
from al_lightning.results.summary import costs_and_classes, penalties

STAGES = ("fit", "test", "score", "select")


def differences(dataset: Dataset) -> list[list[str]]:
    """Return the paired differences, the heads first; [] where there are none."""
    rows = [
        [
            f"{each.method} − {each.baseline}",
            *(text(each) for text in (verdict, signed, interval, smallest)),
            str(each.seeds),
        ]
        for each in dataset.differences()
    ]
    return [["strategies", "verdict", "difference", "95 %\ninterval", "would\nshow", "seeds"], *rows] if rows else []


def curves(dataset: Dataset) -> list[list[str]]:
    """Return the curves, the heads first, then a row for each method: label, metric by budget, area, height, seeds."""
    many = len(dataset.budgets) > 1
    heads = [f"{100 * budget:.4g} %\n{dataset.labelled(budget)} labels" for budget in dataset.budgets]
    rows = [["labelled", *heads, *(["area", "mean\nheight"] if many else []), "seeds"]]
    for method in dataset.methods:
        whole = list(method.whole(dataset.budgets).values())
        cells = [_cell(method.at(budget).values(), len(method.runs)) for budget in dataset.budgets]
        cells += [mean_text([curve.area for curve in whole], 3), mean_text([c.height for c in whole])] if many else []
        rows.append([method.label, *cells, str(len(method.runs))])
    for method in dataset.references:
        budget = method.curves[0].budgets[0]
        value = f"{mean_text(method.at(budget).values())} at {100 * budget:.4g} %"
        rows.append([method.label, value, *[""] * (len(rows[0]) - 3), str(len(method.runs))])
    return rows


def _cell(values: Collection[float], seeds: int) -> str:
    text = mean_text(values)
    return text if len(values) in (0, seeds) else f"{text} ({len(values)} of {seeds})"


def cost(methods: Sequence[Series]) -> tuple[list[list[str]], float]:
    """Return the seconds that a run of each name took, by stage, the heads first; and the seconds of all runs."""
    rows, total = [["run", "seeds", *STAGES]], 0.0
    for method in methods:
        costs = [[cycle.cost for cycle in run.cycles] for run in method.runs if run.cycles]
        sums = [fmean([sum(cost.get(stage, 0.0) for cost in run) for run in costs] or [0.0]) for stage in STAGES]
        total += sum(sums) * len(costs)
        rows.append([method.name, ", ".join(map(str, method.seeds)), *(f"{value:.1f}" for value in sums)])
    return rows, total


def more(datasets: Sequence[Dataset], class_names: Sequence[Sequence[str]]) -> Sequence[Grid]:
    """Return label costs, classes and penalties.

    Args:
        datasets: of the report.
        class_names: of each dataset.
    """
    grids = [
        Grid(f"{dataset.name}: {grid.title}", grid.rows)
        for dataset, names in zip(datasets, class_names, strict=True)
        for grid in costs_and_classes(dataset.methods, names)
    ]
    return grids + penalties({dataset.name: dataset.methods for dataset in datasets})
