"""A reduced scale of a table: the same rows and columns on small substitutes for its datasets. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.results.forms import form
from al_lightning.tables.published import Cell, Column, Table, budget_of
from al_lightning.yaml_files import read_yaml


def reduced(table: Table, path: Path) -> Table:
    """Return a table at a reduced scale, without the published numbers, which do not compare.

    Args:
        table: at full scale.
        path: the scale's file: `marker`, the warning about the numbers in every output; `seeds`, the number of seeds of
            each row; `runs`, the directory of its runs, apart from runs at full scale; `tasks`, by task, budget and
            options of all runs; `datasets`, by dataset, the substitute and further options.

    Raises:
        UsageError: the file is missing or is not a scale, or a dataset has no substitute.
    """
    with form(path, "a scale", "configs/tables/scales/smoke.yaml"):
        scale = read_yaml(path)
        return replace(
            table,
            title=f"{table.title} (scale {path.stem})",
            columns=tuple(_substitute(column, table.task, scale, path.stem) for column in table.columns),
            rows=tuple(
                replace(row, seeds=None, cells={key: Cell(cell.run, cell.directory) for key, cell in row.cells.items()})
                for row in table.rows
            ),
            notes=(),
            seeds=scale["seeds"],
            runs=scale["runs"],
            marker=" ".join(scale["marker"].split()),
        )


def _substitute(column: Column, task: str, scale: Mapping[str, Any], name: str) -> Column:
    if column.dataset not in scale["datasets"] or task not in scale["tasks"]:
        raise UsageError(
            f"Scale {name!r} has no substitute for {column.dataset}; "
            f"it has substitutes for {', '.join(sorted(scale['datasets']))}."
        )
    instead, common = scale["datasets"][column.dataset], scale["tasks"][task]
    pool = int(common["pool"])
    return replace(
        column,
        title=f"{column.title} ({instead['dataset']})",
        dataset=str(instead["dataset"]),
        data="",
        pool=pool,
        **budget_of(column.key, common["budget"], pool, common["at"]),
        area_scale=1.0,
        images_per_second=None,
        figure="",
        options=(*map(str, common["options"]), *map(str, instead.get("options", ()))),
        training_options={},
    )
