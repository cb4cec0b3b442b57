"""The curves of a report's dataset as charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean, stdev

from al_lightning.pages.chart import Line, Panel, inline
from al_lightning.pages.looks import look_of
from al_lightning.reports.numbers import Dataset
from al_lightning.results.series import Series, budgets_of

MOST = 7
"""Methods in one chart; of more, each kind of training has its own."""


def curve_charts(dataset: Dataset, styles: Mapping[str, int], most: int = MOST) -> list[tuple[str, str]]:
    """Return a dataset's charts with their titles: a line through each method's means, a band of one deviation.

    Args:
        dataset: with at least one finished cycle.
        styles: for each method a number, which gives its colour, dash and marker.
        most: number of methods that go into one chart, which then has no title.
    """
    if len(dataset.methods) <= most:
        return [("", _chart(dataset, styles))]
    groups: dict[tuple[bool, bool, str], list[Series]] = {}
    for method in dataset.methods:
        key = method.dropout, method.semi_supervised, method.runs[0].record.trained
        groups.setdefault(key, []).append(method)
    charts = []
    for (dropout, more, trained), methods in sorted(groups.items(), key=lambda item: item[0]):
        references = () if more else tuple(each for each in dataset.references if each.dropout == dropout)
        part = replace(dataset, methods=tuple(methods), budgets=budgets_of(methods), references=references)
        title = (trained or ("with unlabelled images" if more else "labels alone")) + ", network with dropout" * dropout
        charts.append((title, _chart(part, styles)))
    return charts


def _chart(dataset: Dataset, styles: Mapping[str, int]) -> str:
    what = f"{dataset.metric.title} against labels on {dataset.name}; the table has the numbers"
    return inline([curve_panel(dataset, styles)], what)


def curve_panel(dataset: Dataset, styles: Mapping[str, int]) -> Panel:
    """Return what the chart shows; arguments as `curve_charts`'s."""
    lines = [
        Line(m.label, look_of(styles[m.label]), points) for m in dataset.methods if (points := _points(dataset, m))
    ]
    flat = [
        Line(m.label, look_of(styles[m.label]), flat=fmean(m.at(m.curves[0].budgets[0]).values()))
        for m in dataset.references
    ]
    budgets = tuple(
        (_place(dataset, budget), dataset.budget_text(budget).removesuffix(" labels")) for budget in dataset.budgets
    )
    counted = "labelled images" if dataset.in_images else "labelled, in % of the pool, and number of images"
    return Panel("", dataset.heading, counted, (*lines, *flat), budgets)


def _place(dataset: Dataset, budget: float) -> float:
    return float(dataset.labelled(budget) or 0) if dataset.in_images else 100 * budget


def _points(dataset: Dataset, method: Series) -> tuple[tuple[float, float, float], ...]:
    """Return (budget, mean, standard deviation) for each budget that a seed has reached."""
    values_at = [(_place(dataset, budget), list(method.at(budget).values())) for budget in dataset.budgets]
    return tuple((at, fmean(each), stdev(each) if len(each) > 1 else 0.0) for at, each in values_at if each)
