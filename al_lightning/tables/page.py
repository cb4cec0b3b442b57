"""The part of a page that holds a table of the study against our runs: numbers, verdicts, curves, footnotes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from al_lightning.config.names import DEFAULT_TRAINING as SUPERVISED
from al_lightning.reports.chart import curve_chart
from al_lightning.reports.numbers import Dataset, Method
from al_lightning.reports.tables import grid_html
from al_lightning.results.comparison import rule
from al_lightning.results.renderers import Grid, Sheet
from al_lightning.tables.cells import Block
from al_lightning.tables.status import Standing


def published_section(table: Sheet, found: Sequence[Block]) -> str:
    """Return the section.

    Args:
        table: what is said of it.
        found: its columns.
    """
    parts = ['<section id="table"><h2>' + escape(table.title) + "</h2>"]
    if table.marker:
        parts.append(f'<p class="note"><strong>{escape(table.marker)}</strong></p>')
    for block, numbers in zip(found, table.grids, strict=True):
        parts.append(f"<h3>{escape(numbers.title)}</h3>{_numbers(numbers)}{_curves(block)}")
    parts.append(f'<h3>How differences are judged</h3><p class="small">{escape(rule())}</p>')
    for title, sentences in (("Whether the comparison is honest", table.conditions), ("Footnotes", table.notes)):
        if sentences:
            items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
            parts.append(f"<h3>{title}</h3><ul>{items}</ul>")
    return "".join(parts) + "</section>"


def _numbers(table: Grid) -> str:
    said = f"<ul>{''.join(f'<li>{escape(sentence)}.</li>' for sentence in table.said)}</ul>" if table.said else ""
    return (
        f'{grid_html(table)}<p class="small">Percent, mean ± standard deviation over seeds. Area: under the curve '
        f"(Eq. 2), the budget as a fraction of the pool.</p>{said}"
    )


def _curves(block: Block) -> str:
    """Return the column's curves, a chart for each kind of training."""
    charts = []
    # A strategy looks the same in all charts; Random is the grey line.
    others = dict.fromkeys(key for line in block.lines if (key := _key(line.standing)) != "random")
    numbers = {"random": 0} | {key: number for number, key in enumerate(others, start=1)}
    flat = [method for line in block.lines if line.standing.row.everything and (method := _method(line.standing))]
    curves = [(line.standing.row, method) for line in block.lines if (method := _method(line.standing))]
    curves = [(row, method) for row, method in curves if not row.one_fit]
    groups = {(row.mc_dropout, row.training != SUPERVISED, row.training) for row, _ in curves}
    for dropout, more, training in sorted(groups):
        methods = [method for row, method in curves if (row.mc_dropout, row.training) == (dropout, training)]
        title = methods[0].runs[0].record.trained + (", network with dropout" if dropout else "")
        budgets = tuple(sorted({budget for method in methods for curve in method.curves for budget in curve.budgets}))
        references = () if more else tuple(flat)
        dataset = Dataset(block.column.title, block.column.metric, tuple(methods), budgets, references)
        styles = {line.standing.row.label: numbers[_key(line.standing)] for line in block.lines}
        charts.append(f"<div><h4>{escape(title)}</h4>{curve_chart(dataset, styles)}</div>")
    if not charts:
        return ""
    return (
        f'<div class="side two">{"".join(charts)}</div>'
        '<p class="small">Lines: mean over seeds; bands: ± one standard deviation.</p>'
    )


def _key(standing: Standing) -> str:
    """Return what a row looks like: its strategy, and for the 100 % rows the network too."""
    row = standing.row
    return f"{row.acquisition} {row.mc_dropout}" if row.everything else row.acquisition


def _method(standing: Standing) -> Method | None:
    """Return a row's finished runs as the charts take them; None where there are none."""
    if not standing.complete:
        return None
    runs, curves = standing.complete, standing.curves
    return Method(standing.row.label, standing.cell.run, tuple(runs.values()), tuple(curves[seed] for seed in runs))
