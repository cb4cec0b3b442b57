"""A page with a table of the study against our runs, before the report about these runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al_lightning.pages.render import render
from al_lightning.reports.chart import curve_chart
from al_lightning.reports.numbers import Dataset
from al_lightning.results.comparison import rule
from al_lightning.results.renderers import Sheet
from al_lightning.results.series import budgets_of
from al_lightning.runs.parts import DEFAULT_TRAINING
from al_lightning.tables.cells import Block
from al_lightning.tables.status import Standing


def table_page(report: Mapping[str, Any], table: Sheet, found: Sequence[Block]) -> str:
    """Return the page.

    Args:
        report: what it shows of the runs, see `report_values`.
        table: what is said of the table.
        found: its columns.
    """
    columns = [(numbers, _charts(block)) for numbers, block in zip(table.grids, found, strict=True)]
    values = {**report, "table": table, "columns_of_table": columns, "rule": rule(), "choices": _choices()}
    return render("tables/templates/table.html.jinja", values)


def _charts(block: Block) -> list[tuple[str, str]]:
    """Return the column's curves, a title and a chart for each kind of training."""
    charts = []
    # A strategy looks the same in all charts; Random is the grey line.
    others = dict.fromkeys(key for line in block.lines if (key := _key(line.standing)) != "random")
    numbers = {"random": 0} | {key: number for number, key in enumerate(others, start=1)}
    flat = [line.standing.series for line in block.lines if line.standing.row.everything and line.standing.complete]
    curves = [line.standing for line in block.lines if line.standing.complete and not line.standing.row.one_fit]
    groups = {(one.row.mc_dropout, one.row.training != DEFAULT_TRAINING, one.row.training) for one in curves}
    for dropout, more, training in sorted(groups):
        methods = [one.series for one in curves if (one.row.mc_dropout, one.row.training) == (dropout, training)]
        title = methods[0].runs[0].record.trained + (", network with dropout" if dropout else "")
        references = () if more else tuple(flat)
        dataset = Dataset(block.column.title, block.column.metric, tuple(methods), budgets_of(methods), references)
        styles = {line.standing.row.label: numbers[_key(line.standing)] for line in block.lines}
        charts.append((title, curve_chart(dataset, styles)))
    return charts


def _key(standing: Standing) -> str:
    """Return what a row looks like: its strategy, and for the 100 % rows the network too."""
    row = standing.row
    return f"{row.acquisition} {row.mc_dropout}" if row.everything else row.acquisition


def _choices() -> str:
    """Return docs/choices.md, of the checkout or as it came with the package, as HTML without its title."""
    from markdown_it import MarkdownIt

    package = Path(__file__).resolve().parents[1]
    shipped = package / "choices.md"
    path = shipped if shipped.is_file() else package.parent / "docs" / "choices.md"
    words = path.read_text(encoding="utf-8").partition("\n")[2]
    # Raw HTML in the file would stay text.
    body: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(words)
    return body.replace("<table>", '<div class="scroll"><table class="prose">').replace("</table>", "</table></div>")
