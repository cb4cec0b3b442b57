"""From a table's name to the runs that are missing: what is there, what it costs, what to start. No torch."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from al_lightning.config.names import resolve, roots, split_name
from al_lightning.errors import ALError, UsageError, from_home, nearest
from al_lightning.launcher import Job
from al_lightning.runs.journal import read_run
from al_lightning.tables.estimate import as_mapping, images_seen
from al_lightning.tables.published import Table, read_table
from al_lightning.tables.reduced_scale import read_scale
from al_lightning.tables.status import Standing, by_name, cycles_of, find_runs, is_complete, stand

STAGES = ("shared", "fit", "test", "views", "score", "select")
"""Of a cycle's cost; what was shared was paid for once, but would have cost as much."""


@dataclass(frozen=True)
class Planned:
    """A run that a table needs.

    Attributes:
        job: the command.
        standing: a cell that it serves.
        columns: titles of all columns that it serves.
        state: "complete", "begun", "missing" or "unreadable".
        cycles: finished ones.
        hours: estimated for all of it, on one accelerator or, where runs were measured, as they were; None if unknown.
    """

    job: Job
    standing: Standing
    columns: tuple[str, ...]
    state: str
    cycles: int
    hours: float | None

    @property
    def hours_left(self) -> float | None:
        """What is still to do; later cycles cost more than earlier ones, so this is a rough figure."""
        if self.hours is None or self.state == "complete":
            return None if self.hours is None else 0.0
        return self.hours * (1 - self.cycles / cycles_of(self.standing.row, self.standing.column))


@dataclass(frozen=True)
class Plan:
    """A table and its runs.

    Attributes:
        table: at its scale.
        directory: of its runs.
        runs: each once, in the order of the rows.
        seeds: how many were asked for, where that is not the table's number.
        reduced: whether it is at a reduced scale.
        measured: whether the hours come from runs that are there.
    """

    table: Table
    directory: Path
    runs: tuple[Planned, ...]
    seeds: int | None
    reduced: bool
    measured: bool

    @property
    def missing(self) -> tuple[Planned, ...]:
        """What is still to be run."""
        return tuple(run for run in self.runs if run.state != "complete")


def table_files() -> dict[str, Path]:
    """Return the tables by name: of the working directory, of $AL_CONFIG_PATH, then those of the package."""
    found: dict[str, Path] = {}
    for root in roots():
        for path in sorted((root / "tables").glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def scale_files() -> dict[str, Path]:
    """Return the reduced scales by name."""
    found: dict[str, Path] = {}
    for root in roots():
        for path in sorted((root / "tables" / "scales").glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def find_table(name: str, scale: str = "full") -> Table:
    """Return a table by its name, or from a file, at a scale.

    Raises:
        UsageError: there is no such table or scale; the message has the nearest names.
    """
    known = table_files()
    path = known.get(name.removesuffix(".yaml")) or Path(name)
    if not path.is_file():
        raise UsageError(f"There is no table {name!r}.{nearest(name, known)} Tables: {', '.join(sorted(known))}.")
    table = read_table(path)
    if scale == "full":
        return table
    scales = scale_files()
    if scale not in scales:
        raise UsageError(f"There is no scale {scale!r}.{nearest(scale, scales)} Scales: full, {', '.join(scales)}.")
    return read_scale(scales[scale]).table(table)


def plan(
    table: Table,
    runs: Path,
    *,
    reduced: bool = False,
    options: Sequence[str] = (),
    seeds: int | None = None,
    only: Sequence[str] = (),
) -> Plan:
    """Expand a table into runs, and look which are there.

    Args:
        table: at its scale.
        runs: the directory of all runs.
        reduced: whether the table is at a reduced scale.
        options: further options of every run.
        seeds: number of seeds; by default the table's.
        only: patterns (`cifar10_*`) of run names, or rows' labels or columns' names; by default everything.

    Raises:
        UsageError: nothing of the table goes with `only`.
    """
    directory = runs / table.runs if table.runs else runs
    wanted = [
        standing
        for standing in read_standings(table, directory, seeds)
        if not only or any(_matches(standing, pattern) for pattern in only)
    ]
    if not wanted:
        rows = ", ".join(repr(row.label) for row in table.rows)
        columns = ", ".join(column.key for column in table.columns)
        raise UsageError(f"Nothing of {table.name} is called {' or '.join(only)}. Rows: {rows}; columns: {columns}.")
    planned: dict[tuple[str, int], Planned] = {}
    for standing in wanted:
        for seed in standing.wanted:
            key = standing.cell.place, seed
            if key in planned:
                before = planned[key]
                planned[key] = replace(before, columns=(*before.columns, standing.column.title))
            else:
                planned[key] = _planned(standing, table, seed, directory, reduced, options)
    found, measured = _hours(list(planned.values()), options)
    return Plan(table, directory, tuple(found), seeds, reduced, measured)


def read_standings(table: Table, directory: Path, seeds: int | None = None) -> list[Standing]:
    """Return how a table stands with the runs in its directory."""
    names = dict.fromkeys(cell.place for row in table.rows for cell in row.cells.values())
    there = [path for name in names for path in find_runs([directory / name]) if (directory / name).is_dir()]
    return stand(table, by_name(there, names), tuple(range(seeds)) if seeds else ())


def _matches(standing: Standing, pattern: str) -> bool:
    names = standing.cell.run, standing.cell.place, standing.row.label, standing.column.key, standing.column.title
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for name in names)


def _small(standing: Standing) -> str:
    """Return a run's name with the dataset that stands for its own; budget and network are the stand-in's."""
    parts = {axis: path.stem for axis, path in split_name(standing.cell.run).items()}
    parts["datasets"] = standing.column.dataset
    return "_".join(parts[axis] for axis in parts if axis not in ("networks", "budgets"))


def _donor(standing: Standing, table: Table) -> str:
    """Return the place of the run whose first network serves a row too: Random's under the same conditions; or ""."""
    base = table.baseline(standing.row)
    if base is None or base.conditions != standing.row.conditions or standing.row.one_fit:
        return ""
    cell = base.cells.get(standing.column.key)
    return cell.place if cell is not None else ""


def _planned(
    standing: Standing, table: Table, seed: int, directory: Path, reduced: bool, options: Sequence[str]
) -> Planned:
    row, column = standing.row, standing.column
    given = (*column.options, *column.training_options.get(row.training, ()), *options)
    if donor := _donor(standing, table):
        given = (*given, "--share", str(directory / donor / f"seed_{seed}"))
    job = Job(
        _small(standing) if reduced else standing.cell.run,
        seed,
        directory / standing.cell.place / f"seed_{seed}",
        given,
    )
    cycles = len(standing.runs[seed].cycles) if seed in standing.runs else 0
    if seed in standing.complete:
        state = "complete"
    elif seed in standing.problems:
        state = "unreadable"
    else:
        state = "begun" if job.directory.is_dir() and any(job.directory.glob("cycle*")) else "missing"
    return Planned(job, standing, (column.title,), state, cycles, None)


def _hours(runs: list[Planned], options: Sequence[str]) -> tuple[list[Planned], bool]:
    """Estimate each run's hours: by what an image cost in finished runs of its column, else by an assumed speed."""
    seen = {}
    for run in runs:
        values = resolve([run.job.name]).values
        seen[run.job] = images_seen(values, run.standing.row, run.standing.column, run.job.options)
    known: dict[str, list[float]] = {}
    for run in runs:
        if run.state == "complete":
            cycles = run.standing.runs[run.job.seed].cycles
            seconds = sum(cycle.cost.get(stage, 0.0) for cycle in cycles for stage in STAGES)
            known.setdefault(run.standing.column.key, []).append(seconds / seen[run.job])
    found = []
    for run in runs:
        column, images = run.standing.column, seen[run.job]
        if column.key in known:
            hours: float | None = images * fmean(known[column.key]) / 3600
        else:
            hours = images / column.images_per_second / 3600 if column.images_per_second else None
        found.append(replace(run, hours=hours))
    return found, bool(known)


def missing_data(plan: Plan) -> dict[Path, list[str]]:
    """Return the folders of data that are not there, and the columns that need them."""
    absent: dict[Path, list[str]] = {}
    for run in plan.missing:
        column, given = run.standing.column, as_mapping(run.job.options)
        if not column.data or given.get("--data.download", "").lower() == "true":
            continue
        own = given.get("--data.root")
        root = from_home("--data.root", own) if own else Path(os.environ.get("AL_DATA", "data")) / column.data
        if not root.is_dir():
            titles = absent.setdefault(root, [])
            titles += [title for title in run.columns if title not in titles]
    return absent


def check_data(plan: Plan) -> None:
    """Make sure that the data of all runs are there.

    Raises:
        UsageError: they are not, or nothing is left to run; the message says which, and what to do.
    """
    absent = missing_data(plan)
    if not plan.runs:
        raise UsageError(f"None of the data of {plan.table.name} are here; docs/datasets.md says where to get them.")
    if absent:
        each = "; ".join(f"{root} (for {', '.join(columns)})" for root, columns in absent.items())
        raise UsageError(
            f"Data are missing: {each}. Put them there, set $AL_DATA to the folder that holds them, or name them with "
            "--data.root DIR; docs/datasets.md says where to get them. --available runs the rest."
        )


def without(plan: Plan, columns: Iterable[str]) -> Plan:
    """Return a plan without the unfinished runs of some columns."""
    left_out = set(columns)
    kept = tuple(run for run in plan.runs if run.state == "complete" or not left_out & set(run.columns))
    return replace(plan, runs=kept)


def complete(plan: Plan) -> Callable[[Job], bool]:
    """Return what tells whether a job's run is finished, as it stands now."""
    places = {run.job: run.standing for run in plan.runs}

    def answer(job: Job) -> bool:
        standing = places[job]
        try:
            return is_complete(read_run(job.directory), standing.row, standing.column)
        except ALError:
            return False

    return answer
