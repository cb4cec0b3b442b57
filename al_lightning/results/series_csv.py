"""Series from a CSV file of results of any origin."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from al_lightning.errors import UsageError
from al_lightning.metrics import PERCENT, Metric
from al_lightning.results.curves import Curve
from al_lightning.results.series import Series

__all__ = ["read_csv"]

COLUMNS = ("run", "method", "dataset", "seed", "labelled", "metric")
"""Of a CSV file; optional are `budget` (a fraction of the pool), `pool_size` (images) and `better` (a direction)."""
DIRECTIONS = ("higher", "lower")


@dataclass(frozen=True)
class _Row:
    line: int
    run: str
    method: str
    dataset: str
    seed: int
    labelled: int
    value: float
    budget: float | None
    better: str


def read_csv(path: str | Path, *, unit: Literal["percent", "fraction"] | None = None) -> list[Series]:
    """Read series from any CSV file with the columns run, method, dataset, seed, labelled and metric.

    A row is a point of a curve. `run` names the run (one for each dataset, method and seed), `labelled` is a number of
    images, `metric` the value: of the whole file in percent, or as a fraction of 1. Without `unit` the values decide:
    if all lie within 0 and 1 they are fractions, if all but zeros are above 1 they are percent; anything else is
    refused. Optional columns: `budget`, the nominal budget as a fraction of the pool, or `pool_size`, from which the
    budget follows, in all rows or in none; `better`, which values of the dataset's metric are better, `higher` (the
    default) or `lower`. Further columns are ignored.

    Args:
        path: the file, in UTF-8, with commas and a head line.
        unit: of the metric.

    Raises:
        UsageError: the file cannot be read, or is not such a file; the message names the line.
    """
    rows = _in_percent(list(_rows(Path(path))), Path(path), unit)
    if not rows:
        raise UsageError(f"{path} has no line below its head line.")
    if len({row.budget is None for row in rows}) > 1:
        bare = next(row.line for row in rows if row.budget is None)
        raise UsageError(f"{path}, line {bare} has neither budget nor pool_size, and other lines have; fill it in.")
    by_curve: dict[tuple[str, str], dict[int, list[_Row]]] = {}
    for row in rows:
        by_curve.setdefault((row.dataset, row.method), {}).setdefault(row.seed, []).append(row)
    metrics: dict[str, Metric] = {}
    for row in rows:
        metric = Metric("metric", "metric", higher_is_better=row.better != "lower")
        if metrics.setdefault(row.dataset, metric) != metric:
            raise UsageError(f"{path}, line {row.line}: on {row.dataset} both higher and lower are better; say one.")
    return [
        Series(
            setting=dataset,
            label=method,
            metric=metrics[dataset],
            curves=tuple(_curve(path, by_seed[seed], metrics[dataset]) for seed in sorted(by_seed)),
            name=next(iter(by_seed.values()))[0].run,
            fractions=rows[0].budget is not None,
        )
        for (dataset, method), by_seed in by_curve.items()
    ]


def _rows(path: Path) -> Iterator[_Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}).") from error
    reader = csv.DictReader(text.splitlines(), strict=True, skipinitialspace=True)
    try:
        head = [name.strip() for name in reader.fieldnames or ()]
        if missing := [name for name in COLUMNS if name not in head]:
            raise UsageError(
                f"{path}, line 1 lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; needed are "
                f"{', '.join(COLUMNS)}, and it has {', '.join(head) or 'none'}."
            )
        reader.fieldnames = head
        for record in reader:
            yield _row(f"{path}, line {reader.line_num}", reader.line_num, record)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.reader.line_num} is not CSV ({error}).") from error


def _row(where: str, line: int, record: Mapping[str, str | None]) -> _Row:
    cells = {name: cell.strip() for name, cell in record.items() if isinstance(cell, str)}
    for name in COLUMNS:
        if not cells.get(name):
            raise UsageError(f"{where} has no {name}.")
    labelled, budget = _whole(where, "labelled", cells["labelled"], 1), None
    if cells.get("pool_size"):
        size = _whole(where, "pool_size", cells["pool_size"], 1)
        if labelled > size:
            raise UsageError(f"{where} has {labelled} labelled images of a pool of {size}.")
        budget = labelled / size
    if cells.get("budget"):
        budget = _number(where, "budget", cells["budget"])
        if not 0 < budget <= 1:
            raise UsageError(f"{where} has the budget {cells['budget']}; it is a fraction of the pool, such as 0.1.")
    if (better := cells.get("better") or "higher") not in DIRECTIONS:
        raise UsageError(f"{where} has better {better!r}; it must be {' or '.join(DIRECTIONS)}.")
    seed, value = _whole(where, "seed", cells["seed"], 0), _number(where, "metric", cells["metric"])
    return _Row(line, cells["run"], cells["method"], cells["dataset"], seed, labelled, value, budget, better)


def _whole(where: str, name: str, text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise UsageError(f"{where} has the {name} {text!r}; it must be a whole number from {least} on.")
    return int(text)


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(
            f"{where} has the {name} {text!r}; it must be a number, with a decimal point and without a unit."
        )
    return value


def _in_percent(rows: list[_Row], path: Path, unit: Literal["percent", "fraction"] | None) -> list[_Row]:
    """Return the rows with values in percent; refuse values that are out of range or of unclear unit."""
    small = next((row for row in rows if 0 < row.value <= 1), None)
    large = next((row for row in rows if row.value > 1), None)
    if unit is None and small is not None and large is not None:
        raise UsageError(
            f"{path} has the metric {small.value:g} in line {small.line} and {large.value:g} in line {large.line}, so "
            "it may be in percent or not; write one unit, or say which: --unit percent or --unit fraction."
        )
    factor = PERCENT if unit == "fraction" or (unit is None and large is None) else 1.0
    for row in rows:
        if not 0 <= row.value * factor <= 100:
            span = "0 and 1" if factor == PERCENT else "0 and 100"
            raise UsageError(f"{path}, line {row.line} has the metric {row.value:g}; it must lie between {span}.")
    return [replace(row, value=factor * row.value) for row in rows]


def _curve(path: str | Path, rows: list[_Row], metric: Metric) -> Curve:
    rows = sorted(rows, key=lambda row: row.labelled)
    first, what = rows[0], f"{rows[0].method} on {rows[0].dataset}, seed {rows[0].seed},"
    for before, row in pairwise(rows):
        lines = f"{path}, lines {min(before.line, row.line)} and {max(before.line, row.line)}"
        if row.run != before.run:
            raise UsageError(f"{lines}: {what} comes from the runs {before.run} and {row.run}; keep one.")
        if row.labelled == before.labelled:
            raise UsageError(f"{lines}: {what} appears twice with {row.labelled} labelled images.")
        if row.budget is not None and before.budget is not None and row.budget <= before.budget:
            raise UsageError(f"{lines}: {what} has budgets that do not grow with the number of labelled images.")
    budgets = tuple(float(row.labelled) if row.budget is None else row.budget for row in rows)
    labelled, values = tuple(row.labelled for row in rows), tuple(row.value for row in rows)
    return Curve(first.run, first.seed, "", metric, budgets, labelled, values)
