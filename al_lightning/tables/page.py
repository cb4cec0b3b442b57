"""A page with a table of the study and our runs, before the report about these runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al_lightning.pages.render import render
from al_lightning.reports.chart import curve_chart
from al_lightning.reports.numbers import Dataset
from al_lightning.results.comparison import RULE
from al_lightning.results.renderers import Sheet
from al_lightning.results.series import budgets_of
from al_lightning.runs.parts import DEFAULT_TRAINING
from al_lightning.tables.cells import Block
from al_lightning.tables.status import CellStatus


def table_page(report: Mapping[str, Any], table: Sheet, columns: Sequence[Block]) -> str:
    """Return the page.

    Args:
        report: the values of the report about the runs, see `report_values`.
        table: the table.
        columns: of the table.
    """
    charts = [(numbers, _charts(block)) for numbers, block in zip(table.grids, columns, strict=True)]
    values = {**report, "table": table, "columns_of_table": charts, "rule": RULE, "choices": _choices()}
    return render("tables/templates/table.html.jinja", values)


def _charts(block: Block) -> list[tuple[str, str]]:
    """Return the column's curves, a title and a chart for each kind of training."""
    charts = []
    # A strategy looks the same in all charts; Random is the grey line.
    others = dict.fromkeys(key for line in block.lines if (key := _key(line.status)) != "random")
    numbers = {"random": 0} | {key: number for number, key in enumerate(others, start=1)}
    flat = [line.status.series for line in block.lines if line.status.row.everything and line.status.complete]
    curves = [line.status for line in block.lines if line.status.complete and not line.status.row.one_fit]
    groups = {(each.row.mc_dropout, each.row.training != DEFAULT_TRAINING, each.row.training) for each in curves}
    for dropout, more, training in sorted(groups):
        methods = [each.series for each in curves if (each.row.mc_dropout, each.row.training) == (dropout, training)]
        title = methods[0].runs[0].record.trained + (", network with dropout" if dropout else "")
        references = () if more else tuple(flat)
        dataset = Dataset(block.column.title, methods[0].metric, tuple(methods), budgets_of(methods), references)
        styles = {line.status.row.label: numbers[_key(line.status)] for line in block.lines}
        charts.append((title, curve_chart(dataset, styles)))
    return charts


def _key(status: CellStatus) -> str:
    """Return what a row's line style depends on: the strategy, and for the 100 % rows the network too."""
    row = status.row
    return f"{row.acquisition} {row.mc_dropout}" if row.everything else row.acquisition


def _choices() -> str:
    """Return docs/choices.md, of the checkout or of the installed package, as HTML without its title."""
    from markdown_it import MarkdownIt

    package = Path(__file__).resolve().parents[1]
    shipped = package / "choices.md"
    path = shipped if shipped.is_file() else package.parent / "docs" / "choices.md"
    words = path.read_text(encoding="utf-8").partition("\n")[2]
    # Raw HTML in the file would stay text.
    body: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(words)
    return body.replace("<table>", '<div class="scroll"><table class="prose">').replace("</table>", "</table></div>")
