"""The curves of a report as inline SVG; colours come from the page, so that one drawing serves light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from statistics import fmean, stdev

from al_lightning.reports.numbers import Dataset, Method

Scale = Callable[[float], float]
WIDTH, HEIGHT = 400, 290
LEFT, TOP, BOTTOM = 44, 12, 52
LETTER = 8.0
"""Pixels that a letter of a label takes, about."""
LINE = 15.0
"""Least distance between labels, in pixels."""
COLOURS = 7
DASHES = ("5 4", "", "9 3", "2 4", "10 3 2 3", "7 2", "1 3")
MARKERS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",  # circle
    "M0,-5L4.8,3.6L-4.8,3.6z",  # triangle
    "M-3.8,-3.8h7.6v7.6h-7.6z",  # square
    "M0,-5.4L5.4,0L0,5.4L-5.4,0z",  # diamond
    "M0,5L4.8,-3.6L-4.8,-3.6z",  # triangle, upside down
    "M-5,-1.6h3.4v-3.4h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4z",  # cross
    "M0,-5L4.8,-1.5L3,4.2L-3,4.2L-4.8,-1.5z",  # pentagon
)


def swatch(style: int) -> str:
    """Return a piece of a method's line with its marker, for tables and headings."""
    return (
        f'<svg class="swatch" viewBox="0 0 34 14" width="34" height="14" aria-hidden="true">'
        f'<path d="M1,7H33" {_stroke(style)}/><path transform="translate(17,7)" d="{_marker(style)}" '
        f'style="fill:var(--c{style % COLOURS})"/></svg>'
    )


def curve_chart(dataset: Dataset, styles: Mapping[str, int]) -> str:
    """Return the chart of a dataset: a line per method through the means, a band of one standard deviation.

    Args:
        dataset: with at least one finished cycle.
        styles: for each method its number, from which colour, dash and marker follow.
    """
    drawn = [(method, _points(dataset, method)) for method in dataset.methods]
    drawn = [(method, points) for method, points in drawn if points]
    flat = [(method, fmean(method.at(method.curves[0].budgets[0]).values())) for method in dataset.references]
    lows = [mean - deviation for _, points in drawn for _, mean, deviation in points] + [mean for _, mean in flat]
    highs = [mean + deviation for _, points in drawn for _, mean, deviation in points] + [mean for _, mean in flat]
    ticks = nice_ticks(min(lows), max(highs))
    longest = max(len(method.label) for method, _ in [*drawn, *flat])
    right = min(170.0, max(50.0, LETTER * longest + 28))
    first, last = 100 * dataset.budgets[0], 100 * dataset.budgets[-1]
    low, high = min(ticks[0], *lows), max(ticks[-1], *highs)

    def x(percent: float) -> float:
        return LEFT + 8 + (WIDTH - LEFT - 8 - right) * ((percent - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)

    parts = [*_axes(dataset, ticks, x(last) + 6, x, y)]
    for method, mean in flat:
        place = y(mean)
        parts.append(f'<path d="M{LEFT},{place:.1f}H{x(last) + 6:.1f}" {_stroke(styles[method.label])}/>')
    for method, points in drawn:
        if len(points) > 1 and any(deviation for _, _, deviation in points):
            upper = [f"{x(percent):.1f},{y(mean + deviation):.1f}" for percent, mean, deviation in points]
            lower = [f"{x(percent):.1f},{y(mean - deviation):.1f}" for percent, mean, deviation in reversed(points)]
            fill = f"fill:var(--c{styles[method.label] % COLOURS})"
            parts.append(f'<polygon class="band" points="{" ".join(upper + lower)}" style="{fill}"/>')
    for method, points in reversed(drawn):  # the baseline lies on top: the others are read against it
        style = styles[method.label]
        line = "L".join(f"{x(percent):.1f},{y(mean):.1f}" for percent, mean, _ in points)
        parts.append(f'<path d="M{line}" {_stroke(style)}/>')
        parts += [
            f'<path transform="translate({x(percent):.1f},{y(mean):.1f})" d="{_marker(style)}" class="marker" '
            f'style="fill:var(--c{style % COLOURS})"><title>{escape(method.label)}: {mean:.2f} % at {percent:.4g} % '
            "labelled</title></path>"
            for percent, mean, _ in points
        ]
    ends = [(method, x(points[-1][0]), y(points[-1][1])) for method, points in drawn]
    parts += _names([*ends, *((method, x(last), y(mean)) for method, mean in flat)], styles)
    said = f"{dataset.metric_name} against the share of labelled images on {dataset.name}; the table has the numbers"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}</svg>"
    )


def _points(dataset: Dataset, method: Method) -> list[tuple[float, float, float]]:
    """Return (percent labelled, mean, standard deviation) wherever a seed got to."""
    found = [(100 * budget, list(method.at(budget).values())) for budget in dataset.budgets]
    return [(at, fmean(values), stdev(values) if len(values) > 1 else 0.0) for at, values in found if values]


def _axes(dataset: Dataset, ticks: Sequence[float], end: float, x: Scale, y: Scale) -> list[str]:
    """Return grid, ticks and their texts; budgets that would print over each other are left out."""
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    parts = [
        f'<path class="grid" d="M{LEFT},{y(tick):.1f}H{end:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.{digits}f}</text>'
        for tick in ticks
    ]
    bottom, taken = HEIGHT - BOTTOM, math.inf
    for budget in reversed(dataset.budgets):
        place = x(100 * budget)
        if taken - place >= 46:
            taken = place
            parts.append(
                f'<text x="{place:.1f}" y="{bottom + 18}" text-anchor="middle">{100 * budget:.4g} %</text>'
                f'<text class="quiet" x="{place:.1f}" y="{bottom + 32}" text-anchor="middle">'
                f"{dataset.labelled(budget)}</text>"
            )
    parts.append(
        f'<text class="quiet" x="{LEFT}" y="{HEIGHT - 4}">labelled: share of the pool, number of images</text>'
    )
    return parts


def _names(ends: Sequence[tuple[Method, float, float]], styles: Mapping[str, int]) -> list[str]:
    """Return the methods' names at the ends of their lines, moved apart where they would overlap."""
    ordered = sorted(ends, key=lambda end: end[2])
    places: list[float] = []
    for _, _, place in ordered:
        places.append(max(place, places[-1] + LINE) if places else place)
    over = max(0.0, places[-1] - (HEIGHT - BOTTOM)) if places else 0.0
    for number in range(len(places) - 1, -1, -1):  # what was pushed out at the bottom moves up again
        ceiling = places[number + 1] - LINE if number + 1 < len(places) else HEIGHT - BOTTOM
        places[number] = min(places[number], ceiling) if over else places[number]
    parts = []
    for (method, x, y), place in zip(ordered, places, strict=True):
        style = styles[method.label]
        name = method.label if len(method.label) <= 19 else method.label[:18] + "…"
        parts.append(
            f'<path class="leader" d="M{x + 7:.1f},{y:.1f}L{x + 13:.1f},{place:.1f}"/>'
            f'<text class="name" x="{x + 15:.1f}" y="{place + 4:.1f}" style="fill:var(--t{style % COLOURS})">'
            f"{escape(name)}</text>"
        )
    return parts


def _stroke(style: int) -> str:
    dash = DASHES[(style + style // COLOURS) % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'class="line" style="stroke:var(--c{style % COLOURS})"{dashes}'


def _marker(style: int) -> str:
    return MARKERS[(style + style // COLOURS) % len(MARKERS)]


def nice_ticks(low: float, high: float) -> list[float]:
    """Return four to seven round numbers from just above `low`, or below it, to about `high`."""
    span = max(high - low, 1e-3 * max(1.0, abs(high)))
    raw = span / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]
