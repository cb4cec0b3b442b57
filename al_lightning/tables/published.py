"""A table of the paper as data: rows, columns, the runs of its cells, and the published numbers. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from al_lightning.results.forms import form
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED
from al_lightning.yaml_files import read_yaml


@dataclass(frozen=True)
class Cell:
    """One row in one column.

    Attributes:
        run: name of the cell's runs.
        directory: the folder of the runs, where it differs from their name: two columns may differ by options alone.
        score: published metric at the column's budget, in percent; None where there is none.
        area: published area, in the column's scale.
        area_std: deviation of the published area over seeds.
    """

    run: str
    directory: str = ""
    score: float | None = None
    area: float | None = None
    area_std: float | None = None

    @property
    def place(self) -> str:
        """The folder of the runs, below the table's; `place/seed_0` and so on."""
        return self.directory or self.run


@dataclass(frozen=True)
class Column:
    """A dataset at a budget.

    Attributes:
        key: its name in the file.
        title: for the reader.
        dataset: the first part of its runs' names.
        data: the dataset's folder below $AL_DATA.
        pool: number of images in the pool.
        initial: first budget, a fraction of the pool, as all of them.
        query: labels bought in each cycle.
        total: last budget.
        unit: of budgets in texts, "percent" or "images".
        metric: the metric's name in the journal.
        at: the budget at which the metric is read.
        area_scale: factor from the area of the paper's Eq. 2 to the published area.
        images_per_second: assumed speed of training, forward and backward, of one accelerator.
        figure: the published figure with these curves ("in no figure" where there is none); "" for other tables.
        options: of all its runs.
        training_options: further options, by training method.
    """

    key: str
    title: str
    dataset: str
    data: str
    pool: int
    initial: float
    query: float
    total: float
    unit: str
    metric: str
    at: float
    area_scale: float = 1.0
    images_per_second: float | None = None
    figure: str = ""
    options: tuple[str, ...] = ()
    training_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """Last budget less first budget, a fraction of the pool."""
        return self.total - self.initial

    def budget_text(self, budget: float) -> str:
        """Return a fraction of the pool in the column's unit: `30 %`, `12,500 labels`."""
        return f"{100 * budget:.4g} %" if self.unit == "percent" else f"{round(budget * self.pool):,} labels"


@dataclass(frozen=True)
class Row:
    """A method.

    Attributes:
        label: in the table.
        acquisition: the strategy's name.
        training: the training method's name.
        mc_dropout: whether the network trains with dropout, as BALD needs.
        strong_augmentation: whether labelled images are strongly augmented.
        network: where it differs from the dataset's default.
        one_fit: whether its runs are a single fit, without a curve.
        members: number of networks trained for scoring.
        seeds: number of seeds, where it differs from the table's.
        cells: by column.
    """

    label: str
    acquisition: str
    training: str = SUPERVISED
    mc_dropout: bool = False
    strong_augmentation: bool = True
    network: str = ""
    one_fit: bool = False
    members: int = 1
    seeds: int | None = None
    cells: Mapping[str, Cell] = field(default_factory=dict)

    @property
    def everything(self) -> bool:
        """Whether it is a 100 % row: everything is labelled."""
        return self.acquisition == "full"

    @property
    def semi_supervised(self) -> bool:
        """Whether it trains on unlabelled images, too."""
        return self.training != SUPERVISED

    @property
    def conditions(self) -> tuple[str, bool, str, bool]:
        """What rows have in common that differ in the strategy alone."""
        return self.training, self.strong_augmentation, self.network, self.mc_dropout


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its file's name.
        title: for the reader.
        task: "classification" or "segmentation".
        columns: in order.
        rows: in order.
        notes: footnotes on contradictions in the published numbers.
        seeds: number of seeds of each row.
        runs: the directory of the table's runs, below the directory of all runs; "" for that directory itself.
        marker: why the numbers are no evidence; "" where they may be.
        drawn: whether it is a figure: its columns are panels of a drawing.
    """

    name: str
    title: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    seeds: int = 3
    runs: str = ""
    marker: str = ""
    drawn: bool = False

    def reference(self, row: Row) -> Row | None:
        """Return the 100 % row of a row's network, which tells how far the row is from labels for all images."""
        same = [other for other in self.rows if other.everything and other.mc_dropout == row.mc_dropout]
        return None if row.everything else next(iter(same), None)


def read_table(path: Path) -> Table:
    """Read a table's file.

    Raises:
        UsageError: the file is missing, or is not a table.
    """
    with form(path, "a table", "configs/tables/table3.yaml"):
        return table_of(path.stem, read_yaml(path))


def table_of(name: str, content: Mapping[str, Any]) -> Table:
    """Return the table of a file's content.

    Raises:
        KeyError, TypeError, ValueError: an entry is missing, unknown or of a wrong type.
    """
    columns = tuple(_column(key, dict(value)) for key, value in content["columns"].items())
    known = {column.key for column in columns}
    rows = []
    for value in content["rows"]:
        cells = {key: Cell(**cell) for key, cell in value["cells"].items()}
        if unknown := cells.keys() - known:
            raise ValueError(f"row {value['label']!r} has a cell in column {min(unknown)!r}, which the table lacks")
        rows.append(Row(**{**value, "cells": cells}))
    rest = {key: value for key, value in content.items() if key not in ("columns", "rows", "notes")}
    return Table(name=name, columns=columns, rows=tuple(rows), notes=tuple(content.get("notes", ())), **rest)


def _column(key: str, value: dict[str, Any]) -> Column:
    budget = budget_of(key, value.pop("budget"), int(value["pool"]), value.pop("at"))
    value["options"] = tuple(map(str, value.get("options", ())))
    value["training_options"] = {
        name: tuple(map(str, options)) for name, options in value.get("training_options", {}).items()
    }
    return Column(key=key, **budget, **value)


def budget_of(key: str, budget: Mapping[str, Any], pool: int, at: float) -> dict[str, Any]:
    """Return the fields of a column, by its key, that depend on its budget's unit.

    Raises:
        ValueError: the unit is unknown.
    """
    if (unit := budget["unit"]) not in ("percent", "images"):
        raise ValueError(f"column {key!r} has a budget in {unit!r}; it must be percent or images")
    size = 100 if unit == "percent" else pool
    return {"unit": unit, "at": at / size, **{name: budget[name] / size for name in ("initial", "query", "total")}}
