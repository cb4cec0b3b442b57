"""The curves of a report's dataset as a chart."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev

from al_lightning.pages.chart import Line, Panel, inline
from al_lightning.pages.looks import look_of
from al_lightning.reports.numbers import Dataset
from al_lightning.results.series import Series


def curve_chart(dataset: Dataset, styles: Mapping[str, int]) -> str:
    """Return a dataset's chart: for each method a line through the means, and a band of one standard deviation.

    Args:
        dataset: with at least one finished cycle.
        styles: for each method a number, which gives its colour, dash and marker.
    """
    what = f"{dataset.metric.title} against labels on {dataset.name}; the table has the numbers"
    return inline([curve_panel(dataset, styles)], what)


def curve_panel(dataset: Dataset, styles: Mapping[str, int]) -> Panel:
    """Return what the chart shows; arguments as `curve_chart`'s."""
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
