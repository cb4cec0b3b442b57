"""The run directory: `config.yaml`, the journal `cycles.jsonl`, and a folder per cycle. The journal is the truth.

A cycle goes TRAINED (every member's weights are there) -> SELECTED (`selection.json`) -> LABELLED (the oracle
answered) -> DONE (a line in the journal). Each step is written atomically and can be repeated. The journal's first line
comes before any other file, and each file that is read back has a seal (see `seals`), so that nothing that another run
or an earlier one left is taken for this one's.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import ALError, UsageError
from al_lightning.runs.files import in_the_way, read_small, write_text
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.image_list import ImageList, difference, read_list
from al_lightning.runs.journal import (
    JOURNAL,
    CycleRecord,
    Run,
    RunRecord,
    check_metrics,
    read_run,
    whole_lines,
    write_line,
)
from al_lightning.runs.lock import Held
from al_lightning.runs.origins import cycle_dir, fit_origin, weights_path
from al_lightning.runs.scores import SeenRows, write_rows
from al_lightning.runs.seals import Seal, drop
from al_lightning.runs.selections import (
    LARGEST,
    choice_seal,
    read_choice,
    read_json,
    rows_path,
    selection_path,
    write_choice,
    write_json,
)


class RunStore(Held):
    """Writes and reads one run directory. Only one process of a run writes (`writes`); the others read."""

    def open(self) -> list[str]:
        """Lock the directory and clear what an interrupted write left; return what the user should know.

        Raises:
            DirectoryInUse: another process holds it.
            ALError: it cannot be written to.
            UsageError: it holds files of a run whose journal is gone.
        """
        self.lock()
        if not self.writes:
            return []
        if not self.exists() and (left := self._left_behind()):
            raise UsageError(
                f"{self.directory} holds files of a run ({left}), but not its journal {JOURNAL}, without which nobody "
                "knows what they are. Put the journal back, or delete the directory, or use another one: --run_dir DIR."
            )
        for stale in list(self.directory.rglob(".*.tmp")):
            if stale.is_dir() and not stale.is_symlink():  # a batch for people that was not finished
                shutil.rmtree(stale, ignore_errors=True)
            else:
                stale.unlink(missing_ok=True)
        notes = []
        journal = self.directory / JOURNAL
        with contextlib.suppress(OSError, ValueError):
            text, whole = journal.read_text(), "".join(whole_lines(journal))
            if whole.rstrip() != text.rstrip():
                write_text(journal, whole)
                notes.append(f"the last line of {journal} was cut short; what it held is made again")
        return notes

    def _left_behind(self) -> str:
        """Return a file that a run writes after its journal, or ""."""
        kinds = ("config.yaml", "images.json", "selection.json", "cycle_*", "batches")
        return next((path.name for kind in kinds for path in sorted(self.directory.glob(kind))), "")

    def exists(self) -> bool:
        """Whether the run has a journal."""
        return (self.directory / JOURNAL).is_file()

    def read(self) -> Run:
        """Read the journal."""
        return read_run(self.directory)

    @property
    def images_path(self) -> Path:
        """Path of the list of the run's images."""
        return self.directory / "images.json"

    def begin(self, record: RunRecord, images: ImageList | None = None) -> tuple[Run, str]:
        """Begin the journal, or go on with it where it is that of the same run.

        Settings that can change a result must be the same once anything was trained; before, the run begins anew.

        Args:
            record: of the run that is wanted.
            images: the list of its image files, for the message where they differ.

        Returns:
            The run as it stands, and what the user should know, or "".

        Raises:
            UsageError: the directory holds a run with other settings, another seed, or other data.
        """
        note = ""
        if self.exists():
            run = self.read()
            changed = _changed(run.record, record)
            if run.record.images_sha256 != record.images_sha256:
                kept = read_list(self.images_path, run.record.images_sha256)
                first = images is not None and kept is not None and difference(kept, images)
                others = f"other images: {first}" if first else "other images"
                if not changed and self.trained():
                    raise UsageError(
                        f"{self.directory} holds a run on {others}. Put back what it was made with, or use another "
                        "directory: --run_dir DIR."
                    )
                changed.append(others)
            if not changed:
                return run, ""
            if self.trained():
                raise UsageError(
                    f"{self.directory} holds a run with other settings ({in_short(changed)}). "
                    "Use those, or another directory: --run_dir DIR."
                )
            note = f"other settings ({in_short(changed)}), and nothing was trained yet: the run begins anew"
        run = Run(self.directory, record)
        self._write(run)
        if self.writes:
            drop(selection_path(self.directory, None))
        return run, note

    def keep_list(self, images: ImageList) -> bool:
        """Write the list of the run's images where it is missing; return whether it replaced a damaged list."""
        if not self.writes or read_list(self.images_path, images.digest) is not None:
            return False
        self.still_ours()
        there = self.images_path.is_file()
        write_text(self.images_path, images.text, make_folder=False)
        return there

    def label_initial(self, initial: list[int]) -> None:
        """Add the initial set to the journal, once it is labelled."""
        self._write(replace(self.read(), initial=initial))

    def append(self, record: CycleRecord) -> None:
        """Add a finished cycle: from now on the cycle is DONE."""
        if self.writes:
            run = self.read()
            self._write(replace(run, cycles=(*run.cycles[: record.cycle], record)))

    def _write(self, run: Run) -> None:
        if self.writes:
            self.still_ours()
            lines, check = [], ""
            for record in run.records:
                line, check = write_line(record, check)
                lines.append(line)
            self._make(self.directory)
            write_text(self.directory / JOURNAL, "".join(lines), make_folder=False)

    def _make(self, folder: Path) -> None:
        """Make a folder; never the run's own where this run holds it, for then it was deleted meanwhile."""
        if self.holds and folder == self.directory:
            return
        try:
            folder.mkdir(parents=not self.holds, exist_ok=True)
        except FileExistsError as error:
            raise in_the_way(folder) from error

    def save_config(self, plain: dict[str, Any]) -> None:
        """Write config.yaml, a view of the configuration for people; what decides is the journal."""
        if not self.writes:
            return
        text, path = yaml.safe_dump(plain, sort_keys=False), self.directory / "config.yaml"
        with contextlib.suppress(OSError, ValueError):
            if read_small(path, LARGEST) == text.encode():
                return
        self.still_ours()
        write_text(path, text, make_folder=False)

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

    def begin_fit(self, cycle: int, member: int) -> str:
        """Make the folders of a fit, and return the origin of its files."""
        if self.writes:
            self.still_ours()
            self._make(self.cycle_dir(cycle))
            self._make(self.member_dir(cycle, member))
        return fit_origin(self.read(), cycle, member)

    def fit_seal(self, cycle: int, member: int) -> Seal:
        """Return the seal of a fit's files."""
        return Seal(fit_origin(self.read(), cycle, member), self.still_ours)

    def weights(self, cycle: int, member: int = 0) -> Path:
        """Return the file of a trained network, which need not be there.

        Raises:
            ALError: it is not what was written, or is another network's.
        """
        path = weights_path(self.directory, cycle, member)
        if path.is_file() and not self.fit_seal(cycle, member).fits(path):
            raise ALError(
                f"{path} is damaged, or is not the network of cycle {cycle} of this run: its seal is missing or does "
                f"not fit. Take another cycle's, or {self.again(cycle)}"
            )
        return path

    def again(self, cycle: int) -> str:
        """Return what makes a finished cycle once more, as the end of a sentence."""
        lines = f"the lines of {self.directory / JOURNAL} from that of cycle {cycle} on"
        return f"delete {lines}: the run's own `al-lightning fit` command makes these cycles again."

    def weights_path(self, cycle: int, member: int) -> Path:
        """Return the path of a trained network, which need not exist; `weights` checks its seal."""
        return weights_path(self.directory, cycle, member)

    def metrics_path(self, cycle: int) -> Path:
        """Return the path of the test metrics of a cycle."""
        return self.cycle_dir(cycle) / "metrics.json"

    def metrics(self, cycle: int) -> dict[str, Any] | None:
        """Return the test metrics of a cycle that was tested but may not be finished; None where it was not.

        Raises:
            ALError: they are damaged, or another run's.
        """
        path = self.metrics_path(cycle)
        return read_json(path, self.fit_seal(cycle, 0)) if path.is_file() else None

    def save_metrics(self, cycle: int, metrics: dict[str, Any]) -> None:
        """Write the test metrics of a cycle.

        Raises:
            ALError: they are none, or others than those of the cycles before.
        """
        if self.writes:
            try:
                check_metrics([*(done.metrics for done in self.read().cycles[:cycle]), metrics])
            except ValueError as error:
                raise ALError(
                    f"The metrics of cycle {cycle} cannot be kept: {error}. A task's are numbers up to 1e12, or lists "
                    "of them, the first one a number, the same in each cycle."
                ) from error
            self._make(self.cycle_dir(cycle))
            write_json(self.metrics_path(cycle), metrics, self.fit_seal(cycle, 0))

    def drop_unfit(self, cycle: int, members: int, count: int) -> list[Path]:
        """Delete, and return, what a cycle's unfinished work left that is not what this run wrote.

        Args:
            cycle: number of the cycle.
            members: number of its networks.
            count: how many images it chooses.
        """
        weights = [weights_path(self.directory, cycle, member) for member in range(members)]
        unfit = [path for member, path in enumerate(weights) if self.fit_seal(cycle, member).drop_unfit(path)]
        if self.fit_seal(cycle, 0).drop_unfit(self.metrics_path(cycle)):
            unfit.append(self.metrics_path(cycle))
        return unfit + (self.drop_unfit_choice(cycle, count) if count else [])

    def drop_unfit_choice(self, cycle: int | None, count: int) -> list[Path]:
        """Delete, and return, what tells a choice that is not this run's, or not of so many images.

        Args:
            cycle: its number; None for the initial set.
            count: how many images are to be chosen.
        """
        seal = choice_seal(self.read(), cycle, count, self.still_ours)
        paths = [selection_path(self.directory, cycle)]
        if cycle is not None:
            paths.append(rows_path(self.directory, cycle))
        return [path for path in paths if seal.drop_unfit(path)]

    def selection(self, cycle: int | None) -> list[int] | None:
        """Return what was selected but may not be labelled yet; None where nothing was."""
        choice = read_choice(self.read(), cycle)
        return None if choice is None else choice.indices

    def save_rows(self, cycle: int, rows: SeenRows, chosen: list[int]) -> None:
        """Write what a selection saw; see `write_rows`."""
        if self.writes:
            self._make(self.cycle_dir(cycle))
            seal = choice_seal(self.read(), cycle, len(chosen), self.still_ours)
            seal.write(rows_path(self.directory, cycle), lambda file: write_rows(file, rows, chosen))

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
            self._make(self.directory if cycle is None else self.cycle_dir(cycle))
            indices, scores = selection
            seal = choice_seal(self.read(), cycle, len(indices), self.still_ours)
            write_choice(selection_path(self.directory, cycle), seal, indices, scores, names)

    def cycle_dir(self, cycle: int) -> Path:
        """Folder of a cycle."""
        return cycle_dir(self.directory, cycle)

    def member_dir(self, cycle: int, member: int) -> Path:
        """Folder of one trained network: weights, TensorBoard events."""
        return weights_path(self.directory, cycle, member).parent


def _changed(was: RunRecord, wanted: RunRecord) -> list[str]:
    """Return one phrase for each thing that tells two runs apart."""
    pairs = (("name", was.name, wanted.name), ("seed", was.seed, wanted.seed))
    changed = [f"{key}: {one} -> {other}" for key, one, other in pairs if one != other]
    if was.pool_size != wanted.pool_size:
        changed.append(f"images in the pool: {was.pool_size} -> {wanted.pool_size}")
    elif was.data_sha256 != wanted.data_sha256:
        changed.append("images or classes of other names")
    return changed + differences(was.settings, wanted.settings)
