"""A figure of the paper as data: panels, each of which draws a column of a table, or rows of several. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.results.forms import form
from al_lightning.tables.published import Cell, Column, Row, Table
from al_lightning.yaml_files import read_yaml

SAME = ("dataset", "pool", "initial", "query", "total", "metric")
"""What columns must have in common to be drawn in one panel."""


def read_figure(path: Path, table: Callable[[str], Table]) -> Table:
    """Return a figure as a table with a column for each panel; the cited rows keep their runs and published numbers.

    Args:
        path: the figure's file: `title`, and `panels`, each with a `title` and `of`: tables' names and columns, and the
            labels of the `rows` that are drawn, or of those `without` which it is drawn. A file with `instead` is of a
            figure without curves.
        table: returns a table by its name; KeyError where there is none.

    Raises:
        UsageError: the file is not such a figure, or cites what no table has; or the figure has no curves.
    """
    with form(path, "a figure", "configs/figures/figure5.yaml"):
        content = read_yaml(path)
        if "instead" in content:
            raise UsageError(f"{content['title']}: it has no curves to draw; {' '.join(content['instead'].split())}.")
        return _composed(path.stem, content, table)


def _composed(name: str, content: Mapping[str, Any], find: Callable[[str], Table]) -> Table:
    columns: list[Column] = []
    cells: dict[str, dict[str, Cell]] = {}
    rows: dict[str, Row] = {}
    tables: dict[str, Table] = {}
    for number, panel in enumerate(content["panels"]):
        key = f"panel{number + 1}"
        for part in panel["of"]:
            table = tables.setdefault(part["table"], find(part["table"]))
            column = _column(table, part["column"])
            if len(columns) == number:
                columns.append(replace(column, key=key, title=panel["title"], figure=""))
            elif different := [each for each in SAME if getattr(column, each) != getattr(columns[number], each)]:
                raise ValueError(f"{part['table']} has another {different[0]} than the panel {panel['title']!r}")
            for row in _rows(table, part):
                kept = rows.setdefault(row.label, replace(row, cells={}))
                if kept != replace(row, cells={}):
                    raise ValueError(f"{part['table']} has another row {row.label!r} than the other tables")
                if part["column"] in row.cells:
                    cells.setdefault(row.label, {}).setdefault(key, row.cells[part["column"]])
    made = tuple(replace(row, cells=cells[label]) for label, row in rows.items() if label in cells)
    cited = list(tables.values())
    notes = tuple(f"{table.title.partition(':')[0]}: {note}" for table in cited for note in table.notes)
    return Table(name, content["title"], cited[0].task, tuple(columns), made, notes, cited[0].seeds, drawn=True)


def _column(table: Table, key: str) -> Column:
    return {column.key: column for column in table.columns}[key]


def _rows(table: Table, part: Mapping[str, Any]) -> Sequence[Row]:
    """Return the rows that a part of a panel draws, in the table's order."""
    known = {row.label for row in table.rows}
    if unknown := {*part.get("rows", ()), *part.get("without", ())} - known:
        raise ValueError(f"{part['table']} has no row {min(unknown)!r}")
    wanted = set(part.get("rows", known)) - set(part.get("without", ()))
    return [row for row in table.rows if row.label in wanted]
