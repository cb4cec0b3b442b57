"""How a table stands: which of its runs are there and finished, and what they measured. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from al_lightning.errors import ALError
from al_lightning.results.curves import Curve, curve_of
from al_lightning.runs.journal import JOURNAL, Run, read_run
from al_lightning.tables.published import Cell, Column, Row, Table

NEAR = 1e-9
"""Two nominal budgets that differ by less are one."""


@dataclass(frozen=True)
class Standing:
    """One row in one column: its runs, by seed.

    Attributes:
        row: the row.
        column: the column.
        cell: the run's name and what was published.
        wanted: seeds that the table asks for.
        runs: what is there, finished or not.
        problems: for seeds whose journal cannot be read, why.
    """

    row: Row
    column: Column
    cell: Cell
    wanted: tuple[int, ...]
    runs: Mapping[int, Run] = field(default_factory=dict)
    problems: Mapping[int, str] = field(default_factory=dict)

    @property
    def complete(self) -> dict[int, Run]:
        """The finished runs, by seed."""
        return {seed: run for seed, run in self.runs.items() if is_complete(run, self.row, self.column)}

    @property
    def curves(self) -> dict[int, Curve]:
        """The finished runs' curves in the column's metric."""
        return {seed: curve_of(run) for seed, run in self.complete.items()}

    @property
    def scores(self) -> dict[int, float]:
        """The metric at the column's budget, in percent; a single fit on everything stands for every budget."""
        return {
            seed: value
            for seed, curve in self.curves.items()
            if (value := at(curve, None if self.row.everything else self.column.at)) is not None
        }

    @property
    def areas(self) -> dict[int, float]:
        """Eq. 2 in the column's scale; of a 100 % row, its metric times the width (as the published ones are)."""
        found = {}
        for seed, curve in self.curves.items():
            if self.row.everything:
                found[seed] = self.column.area_scale * curve.values[-1] * self.column.width
            elif len(curve.budgets) > 1:
                found[seed] = self.column.area_scale * curve.area
        return found

    @property
    def heights(self) -> dict[int, float]:
        """The metric averaged over the curve, in percent: area over width; of a single fit, its metric."""
        found = {}
        for seed, curve in self.curves.items():
            height = curve.mean_height
            found[seed] = curve.values[-1] if height is None else height
        return found


def at(curve: Curve, budget: float | None) -> float | None:
    """Return a curve's value at a nominal budget, in percent; for None its last one. None where it has none there."""
    if budget is None:
        return curve.values[-1] if curve.values else None
    return next((v for b, v in zip(curve.budgets, curve.values, strict=True) if abs(b - budget) < NEAR), None)


def last_budget(row: Row, column: Column) -> float:
    """Return the budget at which a run of this row ends, a fraction of the pool."""
    return 1.0 if row.everything else column.total


def is_complete(run: Run, row: Row, column: Column) -> bool:
    """Whether a run has gone as far as the table reads it."""
    return bool(run.cycles) and run.cycles[-1].budget >= last_budget(row, column) - NEAR


def cycles_of(row: Row, column: Column) -> int:
    """Return the number of fits of a run (of its first member)."""
    if row.one_fit:
        return 1
    return 1 + math.ceil((column.total - column.initial) / column.query - 1e-6)


def stand(table: Table, found: Mapping[str, Mapping[int, Run | str]], seeds: Sequence[int] = ()) -> list[Standing]:
    """Put runs into a table.

    Args:
        table: it.
        found: by the cell's place and by seed, the run, or why it cannot be read.
        seeds: that are wanted; by default the table's number of them, from 0 on.

    Returns:
        One for each cell, row by row.
    """
    standings = []
    for row in table.rows:
        wanted = tuple(seeds) or tuple(range(table.seeds_of(row)))
        for column in table.columns:
            if (cell := row.cells.get(column.key)) is None:
                continue
            there = {s: r for s, r in found.get(cell.place, {}).items() if not seeds or s in wanted}
            runs = {seed: run for seed, run in there.items() if isinstance(run, Run)}
            problems = {seed: why for seed, why in there.items() if isinstance(why, str)}
            standings.append(Standing(row, column, cell, wanted, dict(sorted(runs.items())), problems))
    return standings


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Return the run directories that are named, or lie below a directory that is named, in order and once."""
    found: dict[Path, None] = {}
    for path in paths:
        if (path / JOURNAL).is_file():
            found.setdefault(path.resolve())
        else:
            for journal in sorted(path.rglob(JOURNAL)):
                found.setdefault(journal.parent.resolve())
    return list(found)


def by_name(directories: Iterable[Path], names: Iterable[str]) -> dict[str, dict[int, Run | str]]:
    """Read the runs of a table from wherever they lie.

    A run belongs to the place that its directory's parent has the name of (`PLACE/seed_0`: the layout of all runs; at
    a reduced scale the journal's name is another), else to the one called like the name in its journal.

    Args:
        directories: of runs.
        names: the places of the table's cells.

    Returns:
        By place and seed: the run, or why it cannot be read.
    """
    wanted = set(names)
    found: dict[str, dict[int, Run | str]] = {}
    for directory in directories:
        try:
            run = read_run(directory)
        except ALError as error:
            number = directory.name.removeprefix("seed_")
            if number.isdecimal():
                found.setdefault(directory.parent.name, {})[int(number)] = str(error)
            continue
        name = directory.parent.name if directory.parent.name in wanted else run.record.name
        found.setdefault(name, {}).setdefault(run.record.seed, run)
    return found
