"""A table of the paper with our runs, in every form: text, one page, markdown, LaTeX, CSV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from al_lightning.features.of_run import data_and_features
from al_lightning.pages.render import render
from al_lightning.reports.chart import curve_charts
from al_lightning.reports.fairness import fairness
from al_lightning.reports.numbers import Dataset
from al_lightning.reports.origin import Origin
from al_lightning.reports.page import Guide, report_values
from al_lightning.results.renderers import FORMS
from al_lightning.results.series import budgets_of
from al_lightning.runs.files import write_atomic, write_text
from al_lightning.tables.cells import Block, blocks, csv_text, grids, sheet, verdicts
from al_lightning.tables.panels import draw_panels
from al_lightning.tables.published import Table
from al_lightning.tables.status import CellStatus, finished_runs


class TableReport:
    """A table with the numbers of its runs.

    Args:
        table: at its scale.
        statuses: of its cells.
        command: words of the command that made the runs; () where each run has its own.
        imports: modules outside this package whose datasets are shown.
        guide: as for `reports.page.write_report`.
    """

    def __init__(
        self,
        table: Table,
        statuses: Sequence[CellStatus],
        command: Sequence[str] = (),
        imports: Sequence[str] = (),
        guide: Guide | None = None,
    ) -> None:
        self.table, self.statuses, self.imports, self.guide = table, statuses, imports, guide
        names = tuple(dict.fromkeys(status.cell.run for status in statuses))
        self.origin = Origin(tuple(command), names) if command else None
        self.columns = blocks(table, statuses)
        self.sheet = sheet(table, self.columns, _conditions(statuses))

    def text(self, form: str) -> str:
        """Return the table as text, markdown, latex, csv or html."""
        if form == "csv":
            return csv_text(self.table, self.columns)
        return self._page() if form == "html" else FORMS[form](self.sheet)

    def write(self, directory: Path) -> str:
        """Write the page, markdown, LaTeX and CSV, `<table>.html` and so on; return the text, and the page's path.

        A figure is drawn too, as SVG and PNG, unless there is nothing to draw yet.

        Raises:
            ALError: a file cannot be written.
        """
        for form, suffix in (("html", "html"), ("markdown", "md"), ("latex", "tex"), ("csv", "csv")):
            write_text(directory / f"{self.table.name}.{suffix}", self.text(form))
        drawn = draw_panels(self.columns) if self.table.drawn else {}
        for form, content in drawn.items():
            write_atomic(directory / f"{self.table.name}.{form}", partial(_put, content))
        files = ", ".join(f".{suffix}" for suffix in (*drawn, "md", "tex", "csv"))
        return f"{self.text('text')}\n\n{directory / self.table.name}.html (and {files})"

    def _page(self) -> str:
        """Return a page with the table, before the report about its runs."""
        made = finished_runs(self.statuses)
        report = report_values(
            made, data_and_features(self.imports), self.table.title, origin=self.origin, guide=self.guide
        )
        answers = [(block.column.title, [f"{each}." for each in verdicts(block, brief=True)]) for block in self.columns]
        values = {
            **report,
            "answers": answers,
            "table": self.sheet,
            "columns_of_table": [(grids(block), _charts(block)) for block in self.columns],
            "several": any(len(status.complete) > 1 for status in self.statuses),
            "choices": _choices(),
        }
        return render("tables/templates/table.html.jinja", values)


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _conditions(statuses: Sequence[CellStatus]) -> list[str]:
    runs = [run for status in statuses for run in status.runs.values()]
    # Where a table's own options differ from the names' configs, the table's file and title say so.
    named = [run for each in statuses if not each.column.options for run in each.runs.values()]
    return [condition.line for condition in fairness(runs, named)]


def _charts(block: Block) -> list[tuple[str, str]]:
    """Return the column's curves, a title and a chart for each kind of training."""
    # A strategy looks the same in all charts; Random is the grey line.
    others = dict.fromkeys(key for line in block.lines if (key := _key(line.status)) != "random")
    numbers = {"random": 0} | {key: number for number, key in enumerate(others, start=1)}
    complete = [line.status for line in block.lines if line.status.complete]
    flat = tuple(each.series for each in complete if each.row.everything)
    curves = tuple(each.series for each in complete if not each.row.one_fit)
    if not curves:
        return []
    dataset = Dataset(block.column.title, curves[0].metric, curves, budgets_of(curves), flat)
    styles = {line.status.row.label: numbers[_key(line.status)] for line in block.lines}
    return curve_charts(dataset, styles, most=0)


def _key(status: CellStatus) -> str:
    """Return what a row's look depends on: the strategy, and what else tells rows of one chart apart."""
    row = status.row
    marks = [row.network, "" if row.strong_augmentation else "plain", "dropout" * (row.mc_dropout and row.everything)]
    return " ".join([row.acquisition, *filter(None, marks)])


def _choices() -> str:
    """Return the page of choices, from the installed package or the checkout, as HTML without its title."""
    from markdown_it import MarkdownIt

    package = Path(__file__).resolve().parents[1]
    shipped = package / "choices.md"
    path = shipped if shipped.is_file() else package.parent / "docs" / "choices.md"
    words = path.read_text(encoding="utf-8").partition("\n")[2]
    # Raw HTML in the file would stay text.
    body: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(words)
    return body.replace("<table>", '<div class="scroll"><table class="prose">').replace("</table>", "</table></div>")
