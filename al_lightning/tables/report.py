"""A table of the study with our runs, in every form: text, one page, markdown, LaTeX, CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_lightning.config.names import settings_of
from al_lightning.config.rebuild import data_of
from al_lightning.reports.page import report_values
from al_lightning.results.conditions import conditions_of
from al_lightning.results.renderers import FORMS
from al_lightning.runs.files import write_text
from al_lightning.tables.cells import blocks, csv_text, sheet
from al_lightning.tables.page import table_page
from al_lightning.tables.published import Table
from al_lightning.tables.status import CellStatus


class TableReport:
    """A table with the numbers of its runs.

    Args:
        table: at its scale.
        statuses: of its cells.
        command: that made the runs, to be shown on the page.
        imports: modules outside this package whose datasets are shown.
    """

    def __init__(
        self, table: Table, statuses: Sequence[CellStatus], command: str = "", imports: Sequence[str] = ()
    ) -> None:
        self.table, self.statuses, self.command, self.imports = table, statuses, command, imports
        self.columns = blocks(table, statuses)
        self.sheet = sheet(table, self.columns, fairness(statuses))

    def text(self, form: str) -> str:
        """Return the table as text, markdown, latex, csv or html."""
        if form == "csv":
            return csv_text(self.table, self.columns)
        if form != "html":
            return FORMS[form](self.sheet)
        runs = {run.directory: run for status in self.statuses for run in status.complete.values()}
        title = f"al-lightning: {self.table.title}"
        report = report_values(list(runs.values()), data_of(self.imports), title, command=self.command)
        return table_page(report, self.sheet, self.columns)

    def write(self, directory: Path) -> str:
        """Write the page, markdown, LaTeX and CSV, `<table>.html` and so on; return the text, and the page's path.

        Raises:
            ALError: a file cannot be written.
        """
        for form, suffix in (("html", "html"), ("markdown", "md"), ("latex", "tex"), ("csv", "csv")):
            write_text(directory / f"{self.table.name}.{suffix}", self.text(form))
        return f"{self.text('text')}\n\n{directory / self.table.name}.html (and .md, .tex, .csv)"


def fairness(statuses: Sequence[CellStatus]) -> list[str]:
    """Return the conditions of a fair comparison, a sentence each."""
    runs = [run for status in statuses for run in status.runs.values()]
    # Where a table's own options differ from the names' configs, the table's file and title say so.
    names = {run.record.name for each in statuses if not each.column.options for run in each.runs.values()}
    resolved = {name: settings for name in names if (settings := settings_of(name)) is not None}
    return [condition.line for condition in conditions_of(runs, resolved=resolved or None)]
