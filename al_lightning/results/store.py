"""The run directory: `config.yaml`, the journal `cycles.jsonl`, and a folder per cycle. The journal is the truth.

A cycle goes TRAINED (every member's weights are there) -> SELECTED (`selection.json`) -> LABELLED (the oracle
answered) -> DONE (a line in the journal). Each step is written atomically and can be repeated.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from al_lightning.bearing import differences, fingerprint, in_short
from al_lightning.errors import ALError, UsageError
from al_lightning.results.files import hold, write_text
from al_lightning.results.journal import JOURNAL, CycleRecord, Run, RunRecord, read_run, seal, unseal, whole_lines

LOCK = ".lock"
TAKEN = "Another process is at work in"
"""How the sentence begins that refuses a directory; a launcher knows it by that, in another process's words."""


class RunStore:
    """Writes and reads one run directory. Only one process of a run writes (`writes`); the others read."""

    def __init__(self, directory: Path, writes: bool = True) -> None:
        self.directory = directory
        self.writes = writes
        self._lock: BinaryIO | None = None

    def lock(self) -> None:
        """Hold the directory until this process ends; a second run in it is refused."""
        if not self.writes or self._lock is not None:
            return
        handle = hold(self.directory / LOCK)
        if handle is None:
            raise ALError(f"{TAKEN} {self.directory}; wait for it, or use another one.")
        self._lock = handle

    def release(self) -> None:
        """Let go of the directory."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def open(self) -> list[str]:
        """Lock the directory and clear what an interrupted write left; return what the user should know."""
        self.lock()
        notes = []
        if self.writes:
            for stale in list(self.directory.rglob(".*.tmp")):
                if stale.is_dir() and not stale.is_symlink():  # a batch for people that was not finished
                    shutil.rmtree(stale, ignore_errors=True)
                else:
                    stale.unlink(missing_ok=True)
            journal = self.directory / JOURNAL
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = journal.read_text()
                whole = "".join(whole_lines(journal))
                if len(text.splitlines()) == 1 and not text.endswith("\n"):
                    whole = ""  # nothing but the torn first line
                if whole != text:
                    if whole:
                        write_text(journal, whole)
                    else:
                        journal.unlink()
                    notes.append(f"the last line of {journal} was cut short; what it held is made again")
        return notes

    def exists(self) -> bool:
        """Whether the run has a journal."""
        return (self.directory / JOURNAL).is_file()

    def read(self) -> Run:
        """Read the journal."""
        return read_run(self.directory)

    def check(self, plain: dict[str, Any], name: str, seed: int, pool_size: int, data_sha256: str = "") -> None:
        """Hold a run that goes on to the one that is there.

        What bears on results must be the same once anything was trained; before that, the run begins anew.

        Args:
            plain: the configuration.
            name: the run's name.
            seed: its seed.
            pool_size: number of images in the pool.
            data_sha256: hash of the data.

        Raises:
            UsageError: the run was made with other settings, another seed, or other data.
            ALError: its config.yaml was damaged.
        """
        changed: list[str] = []
        old = self._config()
        if self.exists():
            was = self.read().record
            changed += [
                f"{key}: {a} -> {b}" for key, a, b in (("name", was.name, name), ("seed", was.seed, seed)) if a != b
            ]
            if was.pool_size != pool_size:
                changed.append(f"images in the pool: {was.pool_size} -> {pool_size}")
            elif was.data_sha256 != data_sha256:
                changed.append("images or classes of other names")
            if old is None and was.config_sha256 != fingerprint(plain):
                changed.append("config.yaml is gone, and the settings are not those of the journal")
        if old is not None:
            changed += differences(old, plain)
        if not changed:
            return
        if self.trained():
            raise UsageError(
                f"{self.directory} holds a run with other settings ({in_short(changed)}). "
                "Use those, or another directory: --run_dir DIR."
            )
        if self.writes:
            for stale in (self.directory / JOURNAL, self.selection_path(None)):
                stale.unlink(missing_ok=True)

    def _config(self) -> dict[str, Any] | None:
        path = self.directory / "config.yaml"
        if not path.is_file():
            return None
        try:
            old = yaml.safe_load(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            old = None
        if not isinstance(old, dict):
            raise ALError(f"{path} was edited or damaged; restore it, or begin in another directory: --run_dir DIR.")
        return old

    def save_config(self, plain: dict[str, Any]) -> None:
        """Write config.yaml; devices, workers, data root and number of cycles may have changed."""
        if self.writes and self._config() != plain:
            write_text(self.directory / "config.yaml", yaml.safe_dump(plain, sort_keys=False))

    def trained(self) -> bool:
        """Whether there is work that would be lost: a finished cycle, or a network that was trained in part."""
        started = (self.directory.glob(f"cycle_*/member_*/{name}") for name in ("weights.pt", "step_*.ckpt"))
        return (self.exists() and bool(self.read().cycles)) or any(True for files in started for _ in files)

    def finished(self, last: int) -> tuple[CycleRecord, ...]:
        """Return the cycles that need nothing more.

        A run's last cycle chose nothing; when `last` was raised since, that cycle goes on.
        """
        cycles = self.read().cycles if self.exists() else ()
        if cycles and not cycles[-1].chosen and cycles[-1].cycle < last:
            return cycles[:-1]
        return cycles

    def begin(self, record: RunRecord) -> None:
        """Write the journal's first line."""
        self._write([{"kind": "run", **asdict(record)}])

    def append(self, record: CycleRecord) -> None:
        """Add a finished cycle: from now on the cycle is DONE."""
        if not self.writes:
            return
        run = self.read()
        cycles = [*run.cycles[: record.cycle], record]
        self._write([{"kind": "run", **asdict(run.record)}, *({"kind": "cycle", **asdict(done)} for done in cycles)])

    def _write(self, records: list[dict[str, Any]]) -> None:
        if self.writes:
            lines, check = [], ""
            for record in records:
                line, check = seal(record, check)
                lines.append(line)
            write_text(self.directory / JOURNAL, "".join(lines))

    def metrics(self, cycle: int) -> dict[str, Any] | None:
        """Return the test metrics of a cycle that was tested but may not be finished; None where it was not."""
        return self._read(self.cycle_dir(cycle) / "metrics.json")

    def save_metrics(self, cycle: int, metrics: dict[str, Any]) -> None:
        """Write the test metrics of a cycle."""
        if self.writes:
            write_text(self.cycle_dir(cycle) / "metrics.json", seal(metrics)[0])

    def _read(self, path: Path) -> dict[str, Any] | None:
        """Return what a file of ours holds; None where it is not there.

        Raises:
            ALError: it was edited or damaged.
        """
        if not path.is_file():
            return None
        try:
            return unseal(path.read_text())[0]
        except ValueError as error:
            raise ALError(f"{path} {error}; delete it, and the same command makes it again.") from error

    def drop_damaged(self, cycle: int | None) -> list[Path]:
        """Delete, and name, what a cycle's unfinished work left that is not what was written."""
        paths = [self.selection_path(cycle)]
        if cycle is not None:
            paths.append(self.cycle_dir(cycle) / "metrics.json")
        damaged = []
        for path in paths:
            try:
                self._read(path)
            except ALError:
                path.unlink()
                damaged.append(path)
        return damaged

    def cycle_dir(self, cycle: int) -> Path:
        """Folder of a cycle."""
        return self.directory / f"cycle_{cycle:02d}"

    def member_dir(self, cycle: int, member: int) -> Path:
        """Folder of one trained network: weights, TensorBoard events."""
        return self.cycle_dir(cycle) / f"member_{member}"

    def selection_path(self, cycle: int | None) -> Path:
        """Where a selection lies: of a cycle, or, for None, of the initial set."""
        return (self.directory if cycle is None else self.cycle_dir(cycle)) / "selection.json"

    def selection(self, cycle: int | None) -> list[int] | None:
        """Return what was selected but may not be labelled yet; None where nothing was."""
        record = self._read(self.selection_path(cycle))
        return [int(index) for index in record["indices"]] if record is not None else None

    def chosen(self, cycle: int | None) -> list[tuple[int, float | None, str]]:
        """Return (index, score, name) of what was chosen, in order; a score that was not finite is None."""
        record = self._read(self.selection_path(cycle))
        if record is None:
            return []
        names = record.get("names") or [f"image {index}" for index in record["indices"]]
        return list(zip(record["indices"], record["scores"], names, strict=True))

    def save_selection(
        self, cycle: int | None, selection: tuple[list[int], list[float]], names: Sequence[str] = ()
    ) -> None:
        """Write what was chosen before any label is asked for: from now on the cycle is SELECTED.

        Args:
            cycle: its number; None for the initial set.
            selection: (indices, scores), in order.
            names: what a person calls the images.
        """
        if self.writes:
            indices, scores = selection
            # JSON knows no infinity; a strategy's own scale may.
            finite = [score if math.isfinite(score) else None for score in scores]
            write_text(
                self.selection_path(cycle), seal({"indices": indices, "scores": finite, "names": list(names)})[0]
            )
