"""A reduced scale of a table: the same rows and columns on small substitutes for its datasets. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import UsageError
from al_lightning.tables.published import Cell, Column, Table, budget_of
from al_lightning.yaml_files import read_yaml


@dataclass(frozen=True)
class Scale:
    """A reduced scale.

    Attributes:
        name: its file's name.
        marker: the warning about the numbers in every output.
        seeds: number of seeds of each row.
        runs: the directory of its runs, below the directory of all runs and apart from runs at full scale.
        tasks: by task, budgets and options of all runs.
        datasets: by dataset, the substitute, and further options.
    """

    name: str
    marker: str
    seeds: int
    runs: str
    tasks: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]

    def table(self, table: Table) -> Table:
        """Return a table at this scale, without the published numbers, which do not compare.

        Raises:
            UsageError: a dataset has no substitute.
        """
        columns = tuple(self._column(column, table.task) for column in table.columns)
        rows = tuple(
            replace(row, seeds=None, cells={key: Cell(cell.run, cell.directory) for key, cell in row.cells.items()})
            for row in table.rows
        )
        return replace(
            table,
            title=f"{table.title} (scale {self.name})",
            columns=columns,
            rows=rows,
            notes=(),
            seeds=self.seeds,
            runs=self.runs,
            marker=self.marker,
        )

    def _column(self, column: Column, task: str) -> Column:
        if column.dataset not in self.datasets or task not in self.tasks:
            raise UsageError(
                f"Scale {self.name!r} has no substitute for {column.dataset}; "
                f"it has substitutes for {', '.join(sorted(self.datasets))}."
            )
        instead, common = self.datasets[column.dataset], self.tasks[task]
        pool = int(common["pool"])
        return replace(
            column,
            title=f"{column.title} ({instead['dataset']})",
            dataset=str(instead["dataset"]),
            data="",
            pool=pool,
            **budget_of(common["budget"], pool, common["at"]),
            area_scale=1.0,
            images_per_second=None,
            figure="",
            options=(*map(str, common["options"]), *map(str, instead.get("options", ()))),
            training_options={},
        )


def read_scale(path: Path) -> Scale:
    """Read a scale's file.

    Raises:
        UsageError: the file is missing, or is not a scale.
    """
    try:
        content = read_yaml(path)
        return Scale(name=path.stem, **{**content, "marker": " ".join(content["marker"].split())})
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a scale ({' '.join(str(error).split())}).") from error
