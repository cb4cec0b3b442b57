"""Methods as a small plot in text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from al_lightning.results.series import Series, distinct_names

MARKS = "ox+*#%@&"


def text_plot(series: Sequence[Series], width: int = 60, height: int = 12) -> str:
    """Return a plot of metric against budget: a mark for each method, the mean over its seeds.

    Where two marks fall on one place, the later one shows. With fewer than two budgets there is no plot, but "".

    Args:
        series: the methods; those with another metric than the first are left out.
        width: columns between the axes.
        height: rows.
    """
    lines = {
        name: {budget: fmean(each.at(budget).values()) for budget in each.budgets}
        for name, each in zip(distinct_names(series), series, strict=True)
        if each.budgets and each.metric == series[0].metric
    }
    points = [(budget, value) for line in lines.values() for budget, value in line.items()]
    if len({budget for budget, _ in points}) < 2:
        return ""
    left, right = min(budget for budget, _ in points), max(budget for budget, _ in points)
    low, high = min(value for _, value in points), max(value for _, value in points)
    if low == high:
        low, high = low - 0.5, high + 0.5
    grid = [[" "] * (width + 1) for _ in range(height)]

    def place(budget: float, value: float) -> tuple[int, int]:
        return round((high - value) / (high - low) * (height - 1)), round((budget - left) / (right - left) * width)

    for mark, line in zip(MARKS * len(lines), lines.values(), strict=False):
        steps = sorted(line.items())
        for (b0, v0), (b1, v1) in pairwise(steps):
            for part in range(1, width):
                share = part / width
                row, column = place(b0 + share * (b1 - b0), v0 + share * (v1 - v0))
                if grid[row][column] == " ":
                    grid[row][column] = "."
        for budget, value in steps:
            row, column = place(budget, value)
            grid[row][column] = mark
    labels = {0: f"{high:.2f}", height - 1: f"{low:.2f}"}
    room = max(map(len, labels.values()))
    rows = [f"{labels.get(row, ''):>{room}} |{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
    ends = f"{100 * left:.4g} %", f"{100 * right:.4g} % of the pool"
    axis = " " * room + " +" + "-" * (width + 1)
    below = " " * (room + 2) + ends[0] + ends[1].rjust(width + 1 - len(ends[0]))
    legend = "   ".join(f"{mark} {name}" for mark, name in zip(MARKS * len(lines), lines, strict=False))
    return "\n".join(
        [f"{series[0].metric.name}{series[0].metric.suffix}", *rows, axis, below, " " * (room + 2) + legend]
    )
