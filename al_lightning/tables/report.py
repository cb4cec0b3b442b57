"""A table of the study against our runs, in every form: text, one page, markdown, LaTeX, CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_lightning.config.names import settings_of
from al_lightning.config.rebuild import data_of
from al_lightning.reports.page import report_values
from al_lightning.results.conditions import conditions_of
from al_lightning.results.renderers import FORMS
from al_lightning.runs.files import write_text
from al_lightning.tables.cells import Block, blocks, csv_text, sheet
from al_lightning.tables.page import table_page
from al_lightning.tables.published import Table
from al_lightning.tables.status import Standing


def render(
    table: Table, standings: Sequence[Standing], form: str, command: str = "", imports: Sequence[str] = ()
) -> str:
    """Return a table in a form: text, markdown, latex, csv or html.

    Args:
        table: at its scale.
        standings: of its cells.
        form: which.
        command: that made the runs, to be shown on the page.
        imports: modules besides this package's whose datasets are shown.
    """
    found, said = blocks(table, standings), honest(standings)
    if form == "html":
        return _page(table, standings, found, said, command, imports)
    return csv_text(table, found) if form == "csv" else FORMS[form](sheet(table, found, said))


def write_all(
    table: Table, standings: Sequence[Standing], directory: Path, command: str, imports: Sequence[str] = ()
) -> str:
    """Write a table's page, markdown, LaTeX and CSV, and return it as text, with where they are.

    Args:
        table: at its scale.
        standings: of its cells.
        directory: for the files, `<table>.html` and so on.
        command: that made the runs, to be shown on the page.
        imports: modules besides this package's whose datasets are shown.

    Raises:
        ALError: a file cannot be written.
    """
    found, said = blocks(table, standings), honest(standings)
    path = directory / f"{table.name}.html"
    write_text(path, _page(table, standings, found, said, command, imports))
    shown = sheet(table, found, said)
    write_text(directory / f"{table.name}.md", FORMS["markdown"](shown))
    write_text(directory / f"{table.name}.tex", FORMS["latex"](shown))
    write_text(directory / f"{table.name}.csv", csv_text(table, found))
    return f"{FORMS['text'](shown)}\n\n{path} (and .md, .tex, .csv)"


def honest(standings: Sequence[Standing]) -> list[str]:
    """Return how honest the comparison is, a sentence each."""
    runs = [run for standing in standings for run in standing.runs.values()]
    # What the table itself sets otherwise than the names' configs is said in its file and its title.
    names = {run.record.name for one in standings if not one.column.options for run in one.runs.values()}
    resolved = {name: settings for name in names if (settings := settings_of(name)) is not None}
    return [one.line for one in conditions_of(runs, resolved=resolved or None)]


def _page(
    table: Table,
    standings: Sequence[Standing],
    found: Sequence[Block],
    said: Sequence[str],
    command: str,
    imports: Sequence[str],
) -> str:
    runs = list({run.directory: run for standing in standings for run in standing.complete.values()}.values())
    title = f"al-lightning: {table.title}"
    report = report_values(runs, data_of(imports), title, command=command)
    return table_page(report, sheet(table, found, said), found)
