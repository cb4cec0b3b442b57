"""Curves and choices of runs for a terminal: tables, and a small plot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import fmean

from al_lightning.errors import printable
from al_lightning.results.curves import Curve
from al_lightning.results.renderers import aligned, mean_text
from al_lightning.results.series import Series, budgets_of
from al_lightning.results.series_text import budget_text, distinct_names, in_images
from al_lightning.runs.journal import Run
from al_lightning.runs.selections import read_choice

MARKS = "ox+*#%@&"
"""Of the methods in a plot."""


def curve_table(curve: Curve) -> str:
    """Return one run's curve: a line for each cycle, then the area. Budgets are shares of the pool, or images."""
    if curve.untested:
        trained = ", ".join(map(str, curve.untested))
        return (
            f"{curve.name}, seed {curve.seed}: cycles trained on {trained} labelled images; how good they are is not "
            "known, since there is no test set"
        )
    if not curve.values:
        return f"{curve.name}, seed {curve.seed}: no finished cycle yet"
    shares = [f"{100 * budget:.4g} %" for budget in curve.budgets]
    rows = [["cycle", "budget", "labelled", curve.metric.name]]
    for cycle, (share, labelled, value) in enumerate(zip(shares, curve.labelled, curve.values, strict=True)):
        rows.append([str(cycle), share, str(labelled), curve.metric.shown(value)])
    if curve.in_images:
        rows = [[cycle, *rest] for cycle, _, *rest in rows]
    text = f"{curve.name}, seed {curve.seed}\n{aligned(rows)}"
    if (height := curve.mean_height) is not None:
        first, last = (
            (f"{curve.labelled[0]:,}", f"{curve.labelled[-1]:,} labels") if curve.in_images else (shares[0], shares[-1])
        )
        text += f"\narea {curve.area:.4g} from {first} to {last} (mean height {curve.metric.shown(height)})"
    return text


def comparison_table(series: Sequence[Series]) -> str:
    """Return methods side by side: a line for each, mean +- standard deviation over its seeds.

    Columns are nominal budgets. Each metric has a table of its own; below the tables stand the runs without a finished
    cycle.
    """
    named = [(name, each) for name, each in zip(distinct_names(series), series, strict=True) if each.budgets]
    tables = []
    for metric in dict.fromkeys(each.metric for _, each in named):
        group = [(name, each) for name, each in named if each.metric == metric]
        budgets = budgets_of(each for _, each in group)
        rows = [
            [
                f"{metric.name}{metric.suffix}, at",
                *(budget_text([each for _, each in group], budget) for budget in budgets),
                "area",
                "seeds",
            ]
        ]
        for name, each in group:
            # Areas over different widths do not compare, so an unfinished run shows none.
            areas = each.areas(budgets) if len(budgets) > 1 else {}
            seeds = sum(bool(curve.values) for curve in each.curves)
            points = [_cell(each.at(budget).values(), 2) for budget in budgets]
            rows.append([name, *points, _cell(areas.values(), 3), str(seeds)])
        tables.append(aligned(rows))
    unfinished = [curve_table(curve) for each in series for curve in each.curves if not curve.values]
    return "\n\n".join([*tables, *unfinished])


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
    ends = budget_text(series, left), budget_text(series, right) + " of the pool" * (not in_images(series))
    axis = " " * room + " +" + "-" * (width + 1)
    below = " " * (room + 2) + ends[0] + ends[1].rjust(width + 1 - len(ends[0]))
    legend = "   ".join(f"{mark} {name}" for mark, name in zip(MARKS * len(lines), lines, strict=False))
    return "\n".join(
        [f"{series[0].metric.name}{series[0].metric.suffix}", *rows, axis, below, " " * (room + 2) + legend]
    )


def chosen_table(run: Run) -> str:
    """Return what a run chose, a line for each image: cycle, order, score, position, name; the initial set first."""
    cycles: list[int | None] = [None, *(record.cycle for record in run.cycles if record.chosen)]
    rows = [("after", "order", "score", "index", "name")]
    for cycle in cycles:
        choice = read_choice(run, cycle)
        for order, (index, score, name) in enumerate(zip(*choice, strict=True) if choice else (), start=1):
            after = "start" if cycle is None else f"cycle {cycle}"
            shown = "" if cycle is None else "-" if score is None else f"{score:.4g}"
            rows.append((after, str(order), shown, str(index), printable(name.replace("\n", "\ufffd"))))
    lines = aligned([row[:4] for row in rows]).splitlines()
    named = [f"{line}  {name}" for line, (*_, name) in zip(lines, rows, strict=True)]
    return "\n".join([f"{run.record.name}, seed {run.record.seed}", *named])


def _cell(values: Collection[float], digits: int) -> str:
    return mean_text(values, digits, "-").replace("±", "+-")
