"""The status of a table's cells: which of their runs exist and are finished, and what they measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from al_lightning.errors import ALError
from al_lightning.metrics import metric_of
from al_lightning.results.curves import NEAR, curve_of, until
from al_lightning.results.series import Series
from al_lightning.runs.journal import JOURNAL, Run, read_run
from al_lightning.tables.published import Cell, Column, Row, Table


@dataclass(frozen=True)
class CellStatus:
    """One row in one column: its runs, by seed.

    Attributes:
        row: of the table.
        column: of the table.
        cell: the run's name and what was published.
        wanted: seeds that the table needs.
        runs: the existing runs, finished or not.
        problems: for each seed with an unreadable journal, the reason.
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
    def series(self) -> Series:
        """The finished runs as one method, called as the row is, up to the column's last budget."""
        runs = tuple(self.complete.values())
        last = 1.0 if self.row.everything else self.column.total
        curves = tuple(until(curve_of(run), last) for run in runs)
        metric = curves[0].metric if curves else metric_of(self.column.metric)
        return Series(self.column.title, self.row.label, metric, curves, self.cell.run, runs)

    @property
    def scores(self) -> dict[int, float]:
        """The metric at the column's budget, in percent; a single fit on everything stands for every budget."""
        if self.row.everything:
            return {curve.seed: curve.values[-1] for curve in self.series.curves}
        return self.series.at(self.column.at)

    @property
    def areas(self) -> dict[int, float]:
        """The area (Eq. 2 of the paper) in the column's scale; of a 100 % row its metric times the width."""
        scale, curves = self.column.area_scale, self.series.curves
        if self.row.everything:
            return {curve.seed: scale * curve.values[-1] * self.column.width for curve in curves}
        return {curve.seed: scale * curve.area for curve in curves if len(curve.budgets) > 1}


def is_complete(run: Run, row: Row, column: Column) -> bool:
    """Whether a run has reached its last budget in the table."""
    last = 1.0 if row.everything else column.total
    return bool(run.cycles) and run.cycles[-1].budget >= last - NEAR


def cycles_of(row: Row, column: Column) -> int:
    """Return the number of fits of a run (of its first member)."""
    if row.one_fit:
        return 1
    return 1 + math.ceil((column.total - column.initial) / column.query - 1e-6)


def statuses_of(table: Table, directories: Iterable[Path], seeds: Sequence[int] = ()) -> list[CellStatus]:
    """Return the status of each cell of a table, row by row, from run directories that lie anywhere.

    Without `seeds`, the table's number of seeds is wanted, from 0 on.
    """
    read = _by_place(directories, {cell.place for row in table.rows for cell in row.cells.values()})
    statuses = []
    for row in table.rows:
        wanted = tuple(seeds) or tuple(range(row.seeds or table.seeds))
        for column in table.columns:
            if (cell := row.cells.get(column.key)) is None:
                continue
            by_seed = {s: r for s, r in read.get(cell.place, {}).items() if not seeds or s in wanted}
            runs = {seed: run for seed, run in by_seed.items() if isinstance(run, Run)}
            problems = {seed: reason for seed, reason in by_seed.items() if isinstance(reason, str)}
            statuses.append(CellStatus(row, column, cell, wanted, dict(sorted(runs.items())), problems))
    return statuses


def finished_runs(statuses: Iterable[CellStatus]) -> list[Run]:
    """Return the finished runs of cells, each once, in order, as far as their columns reach."""
    runs: dict[Path, Run] = {}
    for status in statuses:
        last = 1.0 if status.row.everything else status.column.total
        for run in status.complete.values():
            runs.setdefault(run.directory, _until(run, last))
    return list(runs.values())


def _until(run: Run, budget: float) -> Run:
    """Return a run as if it had ended at a budget."""
    cycles = [cycle for cycle in run.cycles if cycle.budget <= budget + NEAR]
    if len(cycles) in (0, len(run.cycles)):
        return run
    return replace(run, cycles=(*cycles[:-1], replace(cycles[-1], chosen=[])))


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Return the run directories among and below the paths, each once, in order; hidden ones are not written whole."""
    own = (
        ([path / JOURNAL] if (path / JOURNAL).is_file() else sorted(path.rglob(f"[!.]*/{JOURNAL}"))) for path in paths
    )
    return list(dict.fromkeys(journal.parent.resolve() for journals in own for journal in journals))


def _by_place(directories: Iterable[Path], places: Collection[str]) -> dict[str, dict[int, Run | str]]:
    """Return, by a cell's place and by seed, the run, or why it cannot be read.

    A run belongs to the place that is named as the parent of its directory (`PLACE/seed_0`, the layout of all runs; at
    a reduced scale the journal has another name), else to the place that is named as the run in its journal. A run in
    `PLACE/MARK/seed_0` has other settings than the table's, so that it belongs to no place.
    """
    runs: dict[str, dict[int, Run | str]] = {}
    for directory in directories:
        if directory.parent.name not in places and directory.parent.parent.name in places:
            continue
        try:
            run = read_run(directory)
        except ALError as error:
            number = directory.name.removeprefix("seed_")
            if number.isdecimal():
                runs.setdefault(directory.parent.name, {})[int(number)] = str(error)
            continue
        name = directory.parent.name if directory.parent.name in places else run.record.name
        runs.setdefault(name, {}).setdefault(run.record.seed, run)
    return runs
