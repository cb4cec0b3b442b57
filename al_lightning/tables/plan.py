"""From a table's name to its missing runs, their commands and their hours. No torch."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from al_lightning.config.names import resolve, roots, split_name
from al_lightning.data_sources import origins
from al_lightning.errors import ALError, DatasetError, UsageError, from_home, nearest
from al_lightning.launcher import Job
from al_lightning.results.durations import STAGES
from al_lightning.runs.journal import read_run
from al_lightning.tables.estimate import as_mapping, images_seen
from al_lightning.tables.figures import read_figure
from al_lightning.tables.published import Table, read_table
from al_lightning.tables.reduced_scale import reduced
from al_lightning.tables.status import CellStatus, cycles_of, find_runs, is_complete, statuses_of


@dataclass(frozen=True)
class Planned:
    """A run that a table needs.

    Attributes:
        job: the command.
        status: of a cell that needs the run.
        columns: titles of all columns that need the run.
        state: "complete", "begun", "missing" or "unreadable".
        cycles: number of finished cycles.
        hours: estimate for the whole run, on one accelerator or as measured in finished runs; None if unknown.
    """

    job: Job
    status: CellStatus
    columns: tuple[str, ...]
    state: str
    cycles: int
    hours: float | None

    @property
    def hours_left(self) -> float | None:
        """Hours still to do, roughly: later cycles cost more than earlier ones."""
        if self.hours is None or self.state == "complete":
            return None if self.hours is None else 0.0
        return self.hours * (1 - self.cycles / cycles_of(self.status.row, self.status.column))


@dataclass(frozen=True)
class Plan:
    """A table and its runs.

    Attributes:
        table: at its scale.
        directory: of its runs.
        runs: each once, in the order of the rows.
        reduced: whether the table is at a reduced scale.
        measured: whether the hours come from finished runs.
    """

    table: Table
    directory: Path
    runs: tuple[Planned, ...]
    reduced: bool
    measured: bool

    @property
    def missing(self) -> tuple[Planned, ...]:
        """The runs to do."""
        return tuple(run for run in self.runs if run.state != "complete")


def files_of(folder: str) -> dict[str, Path]:
    """Return a folder's YAML files by name: of the working directory, of $AL_CONFIG_PATH, then of the package."""
    paths = [path for root in roots() for path in sorted((root / folder).glob("*.yaml"))]
    return {path.stem: path for path in reversed(paths)}  # the first root wins


def find_table(name: str, scale: str = "full") -> Table:
    """Return a table or a figure by its name, or a table from a file, at a scale.

    Raises:
        UsageError: there is no such table, figure or scale, and the message has the nearest names; or the figure is no
            drawing of curves.
    """
    known, figures = files_of("tables"), files_of("figures")
    short = name.removesuffix(".yaml")
    path = known.get(short) or Path(name)
    if short in figures:
        table = read_figure(figures[short], lambda cited: read_table(known[cited]))
    elif path.is_file():
        table = read_table(path)
    else:
        raise UsageError(
            f"There is no table or figure {name!r}.{nearest(name, [*known, *figures])} Tables: "
            f"{', '.join(sorted(known.keys() - figures.keys()))}; figures: {', '.join(sorted(figures))}."
        )
    if scale == "full":
        return table
    scales = files_of("tables/scales")
    if scale not in scales:
        raise UsageError(
            f"There is no scale {scale!r}.{nearest(scale, scales)} Scales: full, {', '.join(sorted(scales))}."
        )
    return reduced(table, scales[scale])


def plan(
    table: Table,
    runs: Path,
    *,
    reduced: bool = False,
    options: Sequence[str] = (),
    seeds: int | None = None,
    only: Sequence[str] = (),
) -> Plan:
    """Expand a table into runs, and read which of them exist.

    Args:
        table: at its scale.
        runs: the directory of all runs.
        reduced: whether the table is at a reduced scale.
        options: further options of every run.
        seeds: number of seeds; by default the table's.
        only: patterns (`cifar10_*`) for run names, rows' labels, datasets, or columns' names or titles; by default
            everything.

    Raises:
        UsageError: nothing of the table matches `only`.
    """
    directory = runs / table.runs if table.runs else runs
    wanted = [
        status
        for status in read_statuses(table, directory, seeds)
        if not only or any(_matches(status, pattern) for pattern in only)
    ]
    if not wanted:
        rows = ", ".join(repr(row.label) for row in table.rows)
        columns = ", ".join(f"{column.key} ({column.title})" for column in table.columns)
        raise UsageError(f"Nothing in {table.name} matches {' or '.join(only)}. Rows: {rows}; columns: {columns}.")
    planned: dict[tuple[str, int], Planned] = {}
    for status in wanted:
        for seed in status.wanted:
            key = status.cell.place, seed
            if key in planned:
                before = planned[key]
                planned[key] = replace(before, columns=(*before.columns, status.column.title))
            else:
                planned[key] = _planned(status, table, seed, directory, reduced, options)
    estimated, measured = _hours(list(planned.values()))
    return Plan(table, directory, tuple(estimated), reduced, measured)


def read_statuses(table: Table, directory: Path, seeds: int | None = None) -> list[CellStatus]:
    """Return the status of each cell of a table, from the runs in its directory."""
    names = dict.fromkeys(cell.place for row in table.rows for cell in row.cells.values())
    own = (path for name in names for path in sorted((directory / name).glob("seed_*")))  # deeper: other settings
    return statuses_of(table, find_runs(own), range(seeds or 0))


def _matches(status: CellStatus, pattern: str) -> bool:
    """Whether a pattern fits a name of a cell; one without wildcards also a dataset, and names in other spellings."""
    names = status.cell.run, status.cell.place, status.row.label, status.column.key, status.column.title
    if any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for name in names):
        return True
    word = _letters(pattern)  # cifar10 for CIFAR-10, core-set for Coreset
    of_dataset = split_name(status.cell.run)["datasets"].stem == pattern.lower()
    return not set(pattern) & set("*?[") and (of_dataset or any(_letters(name) == word for name in names))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _small(status: CellStatus) -> str:
    """Return a run's name with the substitute for its dataset; budget and network are the substitute's."""
    parts = {axis: path.stem for axis, path in split_name(status.cell.run).items()}
    parts["datasets"] = status.column.dataset
    return "_".join(parts[axis] for axis in parts if axis not in ("networks", "budgets"))


def _donor(status: CellStatus, table: Table) -> str:
    """Return the place of the run whose first network a row can share, or "": the first row under its conditions."""
    row, key = status.row, status.column.key
    curves = [each for each in table.rows if not each.one_fit and not each.everything and key in each.cells]
    first = next((each for each in curves if each.conditions == row.conditions), row)
    return first.cells[key].place if row in curves and first is not row else ""


def _planned(
    status: CellStatus, table: Table, seed: int, directory: Path, reduced: bool, options: Sequence[str]
) -> Planned:
    row, column = status.row, status.column
    given = (*column.options, *column.training_options.get(row.training, ()), *options)
    if donor := _donor(status, table):
        given = (*given, "--share", str(directory / donor / f"seed_{seed}"))
    job = Job(
        _small(status) if reduced else status.cell.run,
        seed,
        directory / status.cell.place / f"seed_{seed}",
        given,
    )
    cycles = len(status.runs[seed].cycles) if seed in status.runs else 0
    if seed in status.complete:
        state = "complete"
    elif seed in status.problems:
        state = "unreadable"
    else:
        state = "begun" if job.directory.is_dir() and any(job.directory.glob("cycle*")) else "missing"
    return Planned(job, status, (column.title,), state, cycles, None)


def _hours(runs: list[Planned]) -> tuple[list[Planned], bool]:
    """Estimate each run's hours from the time per image in finished runs of its column, else from an assumed speed."""
    values = {name: resolve([name]).values for name in {run.job.name for run in runs}}  # once, whatever the seeds
    seen = {
        run.job: images_seen(values[run.job.name], run.status.row, run.status.column, run.job.options) for run in runs
    }
    measured: dict[str, list[float]] = {}
    for run in runs:
        if run.state == "complete":
            # A run may go on beyond the column's last budget.
            cycles = run.status.runs[run.job.seed].cycles[: cycles_of(run.status.row, run.status.column)]
            seconds = sum(cycle.cost.get(stage, 0.0) for cycle in cycles for stage in STAGES)
            measured.setdefault(run.status.column.key, []).append(seconds / seen[run.job])
    estimated = []
    for run in runs:
        column, images = run.status.column, seen[run.job]
        if column.key in measured:
            hours: float | None = images * fmean(measured[column.key]) / 3600
        else:
            hours = images / column.images_per_second / 3600 if column.images_per_second else None
        estimated.append(replace(run, hours=hours))
    return estimated, bool(measured)


def missing_data(plan: Plan) -> dict[Path, list[str]]:
    """Return the missing folders of data, and the columns that need them."""
    absent: dict[Path, list[str]] = {}
    for run in plan.missing:
        column, given = run.status.column, as_mapping(run.job.options)
        if not column.data or given.get("--data.download", "").lower() == "true":
            continue
        own = given.get("--data.root")
        root = from_home("--data.root", own) if own else Path(os.environ.get("AL_DATA", "data")) / column.data
        if not root.is_dir():
            titles = absent.setdefault(root, [])
            titles += [title for title in run.columns if title not in titles]
    return absent


def check_data(plan: Plan) -> None:
    """Check that the data of all runs exist.

    Raises:
        DatasetError: data are missing; the message says which, and what to do.
    """
    absent = missing_data(plan)
    if not plan.runs:
        folders = {column.data for column in plan.table.columns if column.data}
        raise DatasetError(f"All data of {plan.table.name} are missing. {origins(folders)}".rstrip())
    if absent:
        titles = {title for columns in absent.values() for title in columns}
        folders = {run.status.column.data for run in plan.missing if titles.intersection(run.columns)}
        each = "; ".join(f"{root} (for {', '.join(columns)})" for root, columns in absent.items())
        raise DatasetError(
            f"Data are missing: {each}. Put them there, set $AL_DATA to the folder that holds them, or name them with "
            "--data.root DIR. --available runs what has its data. "
            f"{origins(folders)}".rstrip()
        )


def without(plan: Plan, columns: Iterable[str]) -> Plan:
    """Return a plan without the unfinished runs of some columns."""
    left_out = set(columns)
    kept = tuple(run for run in plan.runs if run.state == "complete" or not left_out & set(run.columns))
    return replace(plan, runs=kept)


def complete(plan: Plan) -> Callable[[Job], bool]:
    """Return a function that reads whether a job's run is finished."""
    statuses = {run.job: run.status for run in plan.runs}

    def answer(job: Job) -> bool:
        status = statuses[job]
        try:
            return is_complete(read_run(job.directory), status.row, status.column)
        except ALError:
            return False

    return answer
