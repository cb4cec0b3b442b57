"""A figure's panels as a drawing: a line for each row, a band of one deviation, published numbers as single markers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from al_lightning.metrics import metric_of
from al_lightning.pages.chart_files import FORMS, drawing
from al_lightning.tables.cells import Block, Line
from al_lightning.tables.published import Column, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, LEGEND = 4.6, 3.6, 0.2
"""Of a panel, and of a line of the legend, in inches."""
STYLES = {
    "random": ("0.45", "o"),
    "entropy": ("tab:blue", "s"),
    "equal": ("tab:orange", "^"),
    "coreset": ("tab:green", "D"),
    "bald": ("tab:red", "v"),
    "learning_loss": ("tab:purple", "P"),
    "variation_ratio": ("tab:brown", "X"),
    "uniform": ("tab:pink", "*"),
    "uniform5_entropy": ("tab:olive", "h"),
    "full": ("black", "_"),
}
"""By strategy, colour and marker."""
OTHER = ("tab:cyan", ".")
COLUMNS = 3
"""Of the legend."""
MARGIN = 0.06
"""On each side of a panel's budgets, as a share of their range."""


def draw_panels(blocks: Sequence[Block]) -> dict[str, bytes]:
    """Return a drawing of some columns, a panel each, by form ("svg", "png"); none where there is nothing to draw."""
    shown = [block for block in blocks if any(_has_something(line) for line in block.lines)]
    if not shown:
        return {}
    across = min(2, len(shown))
    down = -(-len(shown) // across)
    labels = dict.fromkeys(line.status.row.label for block in shown for line in block.lines if _has_something(line))
    width, height = across * WIDTH, down * HEIGHT + LEGEND * -(-len(labels) // COLUMNS)

    def draw(figure: Figure) -> None:
        axes = figure.subplots(down, across, squeeze=False).flatten().tolist()
        for block, axis in zip(shown, axes, strict=False):
            _panel(axis, block)
        for axis in axes[len(shown) :]:
            axis.remove()
        named: dict[str, Any] = {}
        for axis in axes[: len(shown)]:
            handles, texts = axis.get_legend_handles_labels()
            for handle, text in zip(handles, texts, strict=True):
                named.setdefault(text, handle)
        figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=COLUMNS)

    return {form: drawing(draw, width, height, form) for form in FORMS}


def line_style(row: Row) -> str:
    """Return how a row's line is drawn: solid on labels alone, dashed with semi-supervised training.

    Dotted without strong augmentation, dash-dotted with another network: with dropout, or as the row names it.
    """
    if row.mc_dropout or row.network:
        return "-."
    if not row.strong_augmentation:
        return ":"
    return "--" if row.semi_supervised else "-"


def _has_something(line: Line) -> bool:
    return bool(line.status.complete) or line.status.cell.score is not None


def _panel(axis: Axes, block: Block) -> None:
    column = block.column
    metric = metric_of(column.metric)
    for line in block.lines:
        if _has_something(line):
            _row(axis, column, line)
    size = 100 if column.unit == "percent" else column.pool
    axis.set_xlim(size * (column.initial - MARGIN * column.width), size * (column.total + MARGIN * column.width))
    axis.set_title(column.title)
    axis.set_xlabel("labelled, in % of the pool" if column.unit == "percent" else "labelled images")
    axis.set_ylabel(f"{metric.title}{metric.suffix}")


def _row(axis: Axes, column: Column, line: Line) -> None:
    status, row = line.status, line.status.row
    colour, marker = STYLES.get(row.acquisition, OTHER)
    size = 100 if column.unit == "percent" else column.pool
    series = status.series
    look: dict[str, Any] = {"color": colour, "linestyle": line_style(row)}
    if row.everything:
        height = fmean(status.scores.values()) if status.scores else status.cell.score
        axis.axhline(float(height or 0), linewidth=1, label=row.label, **look)
        return
    values = [(budget, list(series.at(budget).values())) for budget in series.budgets]
    points = [(size * budget, fmean(each), stdev(each) if len(each) > 1 else 0.0) for budget, each in values if each]
    if points:
        across, means, deviations = zip(*points, strict=True)
        axis.plot(across, means, marker=marker, markersize=4, linewidth=1.3, label=row.label, **look)
        low, high = ([m + sign * d for m, d in zip(means, deviations, strict=True)] for sign in (-1, 1))
        axis.fill_between(across, low, high, color=colour, alpha=0.15, linewidth=0)
    if status.cell.score is not None:
        label = None if points else f"{row.label} (published)"
        # Hollow on labels alone, half filled with semi-supervised training: a single marker has no line to tell.
        look |= {"fillstyle": "bottom" if row.semi_supervised else "none", "markerfacecoloralt": "none"}
        axis.plot([size * column.at], [status.cell.score], marker=marker, label=label, **look)
