"""The curves of a report as inline SVG; the page sets the colours, in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from al_lightning.pages.render import render
from al_lightning.reports.numbers import Dataset
from al_lightning.results.series import Series

WIDTH, HEIGHT = 400, 290
LEFT, TOP, BOTTOM = 44, 12, 52
LETTER = 8.0
"""Approximate width of a letter of a label, in pixels."""
LINE = 15.0
"""Least distance between labels, in pixels."""


def curve_chart(dataset: Dataset, styles: Mapping[str, int]) -> str:
    """Return the chart of a dataset: for each method a line through the means, and a band of one standard deviation.

    Args:
        dataset: with at least one finished cycle.
        styles: for each method a number, which gives its colour, dash and marker.
    """
    drawn = [(method.label, points) for method in dataset.methods if (points := _points(dataset, method))]
    flat = [(method.label, fmean(method.at(method.curves[0].budgets[0]).values())) for method in dataset.references]
    lows = [mean - deviation for _, points in drawn for _, mean, deviation in points] + [mean for _, mean in flat]
    highs = [mean + deviation for _, points in drawn for _, mean, deviation in points] + [mean for _, mean in flat]
    ticks = nice_ticks(min(lows), max(highs))
    longest = max(len(label) for label, _ in [*drawn, *flat])
    right = min(170.0, max(50.0, LETTER * longest + 28))
    first, last = 100 * dataset.budgets[0], 100 * dataset.budgets[-1]
    low, high = min(ticks[0], *lows), max(ticks[-1], *highs)

    def x(percent: float) -> float:
        return LEFT + 8 + (WIDTH - LEFT - 8 - right) * ((percent - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    ends = [(label, x(points[-1][0]), y(points[-1][1])) for label, points in drawn]
    values = {
        "dataset": dataset,
        "styles": styles,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "bottom": HEIGHT - BOTTOM,
        "end": x(last) + 6,
        "x": x,
        "y": y,
        "ticks": ticks,
        "digits": max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)),
        "budgets": _apart([(x(100 * budget), budget) for budget in dataset.budgets]),
        "flat": flat,
        "drawn": drawn,
        "names": _names([*ends, *((label, x(last), y(mean)) for label, mean in flat)]),
    }
    return render("reports/templates/chart.svg.jinja", values)


def _points(dataset: Dataset, method: Series) -> list[tuple[float, float, float]]:
    """Return (percent labelled, mean, standard deviation) for each budget that a seed has reached."""
    values_at = [(100 * budget, list(method.at(budget).values())) for budget in dataset.budgets]
    return [(at, fmean(values), stdev(values) if len(values) > 1 else 0.0) for at, values in values_at if values]


def _apart(budgets: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return those budgets, (x, budget), whose texts do not overlap; the last budget always."""
    kept: list[tuple[float, float]] = []
    for place, budget in reversed(budgets):
        if not kept or kept[-1][0] - place >= 46:
            kept.append((place, budget))
    return kept


def _names(ends: Sequence[tuple[str, float, float]]) -> list[tuple[str, float, float, float]]:
    """Return the labels at the ends of the lines, (label, x, y of the line, y of the label), without overlap."""
    ordered = sorted(ends, key=lambda end: end[2])
    places: list[float] = []
    for _, _, place in ordered:
        places.append(max(place, places[-1] + LINE) if places else place)
    over = max(0.0, places[-1] - (HEIGHT - BOTTOM)) if places else 0.0
    for number in range(len(places) - 1, -1, -1):  # what was pushed out at the bottom moves up again
        ceiling = places[number + 1] - LINE if number + 1 < len(places) else HEIGHT - BOTTOM
        places[number] = min(places[number], ceiling) if over else places[number]
    return [(*end, place) for end, place in zip(ordered, places, strict=True)]


def nice_ticks(low: float, high: float) -> list[float]:
    """Return four to seven round numbers from just above `low`, or below it, to about `high`."""
    span = max(high - low, 1e-3 * max(1.0, abs(high)))
    raw = span / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]
