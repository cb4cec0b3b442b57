"""The journal `cycles.jsonl`: first the run, then a line per finished cycle. Each line carries a check.

The checks are chained, so that a line that was edited, left out or moved does not go unnoticed; `cost` and `versions`
are no part of them, as they are no part of the result.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from al_lightning.errors import ALError, UsageError

JOURNAL = "cycles.jsonl"


@dataclass(frozen=True)
class RunRecord:
    """The journal's first line.

    Attributes:
        name: the run's name, its parts joined by underscores.
        seed: the run's seed.
        config_sha256: hash of what in the configuration bears on results.
        pool_size: number of images in the pool.
        initial: labelled before the first fit, in order.
        versions: packages and their versions, for the reader; no part of the result.
        data_sha256: hash of the class names and the names of all images: what positions mean.
    """

    name: str
    seed: int
    config_sha256: str
    pool_size: int
    initial: list[int]
    versions: dict[str, str] = field(default_factory=dict)
    data_sha256: str = ""


@dataclass(frozen=True)
class CycleRecord:
    """One finished cycle.

    Attributes:
        cycle: 0, 1, ...
        budget: nominal budget of this cycle's fit, a fraction of the pool.
        labelled: number of labelled images the fit saw.
        metrics: the main metric first, as fractions of 1; class-wise values as lists, null for absent classes.
        chosen: bought after this fit, in order of selection; empty in the last cycle.
        cost: seconds of each stage, and the number of processes; all else of a record is deterministic.
    """

    cycle: int
    budget: float
    labelled: int
    metrics: dict[str, Any]
    chosen: list[int]
    cost: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A run directory, read: its first line and its finished cycles."""

    directory: Path
    record: RunRecord
    cycles: tuple[CycleRecord, ...]

    def labelled_at(self, cycle: int) -> list[int]:
        """Return the positions that cycle's fit saw, in the order of labelling."""
        return [*self.record.initial, *(index for done in self.cycles[:cycle] for index in done.chosen)]


def read_run(directory: str | Path) -> Run:
    """Read a run directory into plain records.

    Raises:
        UsageError: there is no run in that directory.
        ALError: the journal was damaged; the message names the line.
    """
    path = Path(directory)
    journal = path / JOURNAL
    if not journal.is_file():
        raise UsageError(f"There is no run in {path}: {JOURNAL} is missing. `al-lightning fit` makes one.")
    try:
        lines = whole_lines(journal)
    except (OSError, UnicodeDecodeError) as error:
        raise ALError(f"{journal} cannot be read ({error}).") from error
    records, check = [], ""
    for number, line in enumerate(lines, start=1):
        try:
            record, check = unseal(line, check)
        except ValueError as error:
            raise ALError(
                f"{journal}, line {number} {error}. Restore the file, or delete it from that line on: the same "
                "command makes again what is gone."
            ) from error
        records.append(record)
    try:
        run = RunRecord(**_take(records[0], "run"))
        cycles = tuple(CycleRecord(**_take(record, "cycle")) for record in records[1:])
        if [done.cycle for done in cycles] != list(range(len(cycles))):
            raise ValueError("cycles are not numbered 0, 1, ...")
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ALError(f"{journal} is not a journal of this version ({error}); it was edited or damaged.") from error
    return Run(path, run, cycles)


def whole_lines(journal: Path) -> list[str]:
    """Return the journal's lines without a torn last one: what was not written to its end did not happen."""
    lines = journal.read_text().splitlines(keepends=True)
    if len(lines) > 1 and not lines[-1].endswith("\n"):
        try:
            json.loads(lines[-1])
        except json.JSONDecodeError:
            lines.pop()
    return lines


def seal(record: dict[str, Any], before: str = "") -> tuple[str, str]:
    """Return a record as a line with a check, and the check, which is chained to that of the line before."""
    result = {key: value for key, value in record.items() if key not in ("cost", "versions", "check")}
    text = before + json.dumps(result, sort_keys=True, allow_nan=False)
    check = hashlib.sha256(text.encode()).hexdigest()[:16]
    return json.dumps({**record, "check": check}, allow_nan=False) + "\n", check


def unseal(line: str, before: str = "") -> tuple[dict[str, Any], str]:
    """Return a line's record and its check.

    Raises:
        ValueError: it is not what was written.
    """
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON ({error.msg}); it was edited or damaged") from error
    if not isinstance(record, dict):
        raise ValueError("is not a record; it was edited or damaged")
    check = record.pop("check", None)
    if check != seal(record, before)[1]:
        raise ValueError("is not what was written (its check does not fit); it was edited or damaged")
    return record, str(check)


def _take(record: dict[str, Any], kind: str) -> dict[str, Any]:
    if record.get("kind") != kind:
        raise ValueError(f"a record of kind {record.get('kind')!r} where {kind!r} belongs")
    return {key: value for key, value in record.items() if key != "kind"}
