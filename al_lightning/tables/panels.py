"""A figure's panels as a drawing: a line for each row, a band of one deviation, published numbers as single markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean, stdev

from al_lightning.metrics import metric_of
from al_lightning.pages.chart import Line, Panel, chart
from al_lightning.pages.chart_files import FORMS
from al_lightning.pages.looks import Look
from al_lightning.tables.cells import Block
from al_lightning.tables.cells import Line as CellLine
from al_lightning.tables.published import Column, Row

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


def draw_panels(blocks: Sequence[Block]) -> dict[str, bytes]:
    """Return a drawing of some columns, a panel each, by form ("svg", "png"); none where there is nothing to draw."""
    panels = [panel for block in blocks if (panel := _panel(block)).lines]
    return {form: chart(panels, form) for form in FORMS} if panels else {}


def _panel(block: Block) -> Panel:
    column = block.column
    metric = metric_of(column.metric)
    lines = [line for each in block.lines for line in _lines(column, each)]
    counted = "labelled, in % of the pool" if column.unit == "percent" else "labelled images"
    return Panel(column.title, f"{metric.title}{metric.suffix}", counted, tuple(lines))


def dash_of(row: Row) -> tuple[float, ...]:
    """Return how a row's line is drawn: solid on labels alone, dashed with semi-supervised training.

    Dotted without strong augmentation, dash-dotted with another network: with dropout, or as the row names it.
    """
    if row.mc_dropout or row.network:
        return (6, 2, 1, 2)
    if not row.strong_augmentation:
        return (1, 2)
    return (4, 2) if row.semi_supervised else ()


def _lines(column: Column, line: CellLine) -> Iterator[Line]:
    """Yield a row's curve, and the published number as a marker of its own."""
    status, row = line.status, line.status.row
    colour, marker = STYLES.get(row.acquisition, OTHER)
    look = Look(colour, marker, dash_of(row))
    scores, published = status.scores.values(), status.cell.score
    if row.everything:
        if scores or published is not None:
            yield Line(row.label, look, flat=fmean(scores) if scores else published)
        return
    size = 100 if column.unit == "percent" else column.pool
    values = [(budget, list(status.series.at(budget).values())) for budget in status.series.budgets]
    points = [(size * budget, fmean(each), stdev(each) if len(each) > 1 else 0.0) for budget, each in values if each]
    if points:
        yield Line(row.label, look, tuple(points))
    if published is not None:
        # Hollow on labels alone, half filled with semi-supervised training: a single marker has no line to tell.
        hollow = replace(look, fill="bottom" if row.semi_supervised else "none")
        yield Line("" if points else f"{row.label} (published)", hollow, ((size * column.at, published, 0.0),))
