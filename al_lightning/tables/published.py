"""A table of the study as data: rows, columns, the runs behind its cells, and what was published. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import UsageError
from al_lightning.runs.parts import DEFAULT_TRAINING as SUPERVISED
from al_lightning.yaml_files import read_yaml


@dataclass(frozen=True)
class Cell:
    """One row in one column.

    Attributes:
        run: name of the runs behind it.
        directory: the folder of its runs, where that is not their name: two columns may differ by options alone.
        score: published metric at the column's budget, in percent; None where none was.
        area: published area, in the column's scale.
        area_std: its deviation over seeds.
    """

    run: str
    directory: str = ""
    score: float | None = None
    area: float | None = None
    area_std: float | None = None

    @property
    def place(self) -> str:
        """The folder of its runs, below the table's; `place/seed_0` and so on."""
        return self.directory or self.run


@dataclass(frozen=True)
class Column:
    """A dataset at a budget.

    Attributes:
        key: its name in the file.
        title: for people.
        dataset: the part that its runs' names begin with.
        data: the dataset's folder below $AL_DATA.
        pool: number of images in the pool.
        initial: first budget, a fraction of the pool, as all of them.
        query: labels bought in each cycle.
        total: last budget.
        unit: "percent" or "images", as people count here.
        metric: the metric's name in the journal.
        at: the budget at which the metric is read.
        area_scale: what Eq. 2 is multiplied with to compare with the published area.
        images_per_second: assumed speed of training, forward and backward, of one accelerator.
        figure: the published figure that has these curves, where it is known.
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
        """From the first budget to the last, a fraction of the pool."""
        return self.total - self.initial

    def budget_text(self, budget: float) -> str:
        """Return a fraction of the pool as people count it here: `30 %`, `12,500 labels`."""
        return f"{100 * budget:.4g} %" if self.unit == "percent" else f"{round(budget * self.pool):,} labels"


@dataclass(frozen=True)
class Row:
    """A method.

    Attributes:
        label: as the table has it.
        acquisition: the strategy's name.
        training: the training method's name.
        mc_dropout: whether the network trains with the dropout that BALD needs.
        strong_augmentation: whether labelled images are strongly augmented.
        network: where it is not the dataset's own.
        one_fit: whether its runs are a single fit, without a curve.
        members: networks that it trains where it scores.
        seeds: how many, where it is not the table's number.
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
    def conditions(self) -> tuple[str, bool, str]:
        """What, beside the strategy, a row and its baseline have in common."""
        return self.training, self.strong_augmentation, self.network


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: its file's name.
        title: for people.
        task: "classification" or "segmentation".
        columns: in order.
        rows: in order.
        notes: footnotes: what does not fit together in what was published.
        seeds: how many of each row.
        runs: the directory of its runs, below the directory of all runs; "" for that itself.
        marker: why its numbers are no evidence; "" where they may be.
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

    @property
    def published(self) -> bool:
        """Whether anything was published."""
        return any(cell.score is not None for row in self.rows for cell in row.cells.values())

    def seeds_of(self, row: Row) -> int:
        """Return how many seeds a row has."""
        return row.seeds or self.seeds

    def baseline(self, row: Row) -> Row | None:
        """Return the row that a row is to be compared with: Random under the same conditions, else any Random.

        Random with semi-supervised training is compared with Random without; the 100 % rows with nothing.
        """
        randoms = [other for other in self.rows if other.acquisition == "random" and other is not row]
        if row.everything:
            return None
        if row.acquisition == "random":
            less = (SUPERVISED, row.strong_augmentation, row.network)
            return next((o for o in randoms if row.training != SUPERVISED and o.conditions == less), None)
        same = [other for other in randoms if other.conditions == row.conditions]
        return next(iter(same or randoms), None)


def read_table(path: Path) -> Table:
    """Read a table's file.

    Raises:
        UsageError: it is not there, or not a table.
    """
    try:
        return table_of(path.stem, read_yaml(path))
    except OSError as error:
        raise UsageError(f"The table {path} cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"{path} is not a table ({text}); configs/tables/table3.yaml shows the form.") from error


def table_of(name: str, content: Mapping[str, Any]) -> Table:
    """Return the table that a file's content stands for.

    Raises:
        KeyError, TypeError, ValueError: something is missing, unknown or of another kind.
    """
    columns = tuple(_column(key, dict(value)) for key, value in content["columns"].items())
    known = {column.key for column in columns}
    rows = []
    for value in content["rows"]:
        cells = {key: Cell(**cell) for key, cell in value["cells"].items()}
        if unknown := cells.keys() - known:
            raise ValueError(
                f"row {value['label']!r} has a cell in column {min(unknown)!r}, which is none of the table's"
            )
        rows.append(Row(**{**value, "cells": cells}))
    rest = {key: value for key, value in content.items() if key not in ("columns", "rows", "notes")}
    return Table(name=name, columns=columns, rows=tuple(rows), notes=tuple(content.get("notes", ())), **rest)


def _column(key: str, value: dict[str, Any]) -> Column:
    budget, pool = value.pop("budget"), int(value["pool"])
    unit = budget["unit"]
    if unit not in ("percent", "images"):
        raise ValueError(f"column {key!r} counts its budget in {unit!r}; percent or images")
    size = 100 if unit == "percent" else pool
    fractions = {name: budget[name] / size for name in ("initial", "query", "total")}
    value["at"] = value["at"] / size
    value["options"] = tuple(map(str, value.get("options", ())))
    value["training_options"] = {
        name: tuple(map(str, options)) for name, options in value.get("training_options", {}).items()
    }
    return Column(key=key, unit=unit, **fractions, **value)
