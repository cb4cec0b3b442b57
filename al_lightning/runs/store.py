"""The run directory: `config.yaml`, the journal `cycles.jsonl`, and a folder per cycle. The journal is the truth.

A cycle goes TRAINED (every member's weights are there) -> SELECTED (`selection.json`) -> LABELLED (the oracle
answered) -> DONE (a line in the journal). Each step is written atomically and can be repeated. The journal's first line
comes before any other file, and each file that is read back has a seal (see `seals`), so that nothing that another run
or an earlier one left is taken for this one's.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from al_lightning.errors import UsageError
from al_lightning.runs.cycle_files import CycleFiles
from al_lightning.runs.files import write_text
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.image_list import ImageList, difference, read_list
from al_lightning.runs.journal import JOURNAL, CycleRecord, Run, RunRecord
from al_lightning.runs.journal_lines import text_of, whole_lines
from al_lightning.runs.seals import Seal, drop
from al_lightning.runs.selections import selection_path

SPLIT = "split.json"
"""The file of a run that says which images are held out, where the data name no test set."""


class RunStore(CycleFiles):
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
        # All of these are written after the journal.
        kinds = ("config.yaml", "images.json", SPLIT, "selection.json", "cycle_*", "batches")
        left = next((path.name for kind in kinds for path in sorted(self.directory.glob(kind))), None)
        if left is not None and not self.exists():
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
                notes.append(f"the last line of {journal} was cut short; the steps that it covered are done again")
        return notes

    def exists(self) -> bool:
        """Whether the run has a journal."""
        return (self.directory / JOURNAL).is_file()

    @property
    def images_path(self) -> Path:
        """Path of the list of the run's images."""
        return self.directory / "images.json"

    def begin(self, record: RunRecord, images: ImageList | None = None) -> tuple[Run, str]:
        """Begin the journal, or go on with it where it is that of the same run.

        Settings that can change a result must be the same once anything was trained; before, the run begins anew. So it
        does with other code of the user's own; once anything was trained, `Run.code` tells the difference.

        Returns:
            The run as it stands, and what the user should know, or "".

        Raises:
            UsageError: the directory holds a run with other settings, another seed, or other data.
        """
        note = ""
        if self.exists():
            run = self.read()
            changed = differing(run.record, record)
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
            if not changed and run.record.code != record.code and not self.trained():
                changed.append("other code of one's own classes")
            if not changed:
                if run.record.command != record.command:  # of options that change no result, the last ones count
                    run = replace(run, record=replace(run.record, command=record.command))
                    self._write(run)
                return run, ""
            if self.trained():
                # Where no directory was named, its path follows from the settings (`config.directory`), so that this
                # needs a config file that was edited since, or other images in the same folder.
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

    def set_remarks(self, remarks: list[str]) -> None:
        """Replace the remarks on the data of a run that has trained nothing yet: its data may have been mended."""
        run = self.read()
        if run.record.remarks != remarks and not self.trained():
            self._write(replace(run, record=replace(run.record, remarks=remarks)))

    def keep_list(self, images: ImageList) -> bool:
        """Write the list of the run's images where it is missing; return whether it replaced a damaged list."""
        if not self.writes or read_list(self.images_path, images.digest) is not None:
            return False
        self.still_ours()
        there = self.images_path.is_file()
        write_text(self.images_path, images.text, make_folder=False)
        return there

    def keep_split(self, text: str | None, origin: str = "") -> bool:
        """Write which images are held out where that is missing; return whether it replaced a damaged file.

        Args:
            text: content of the file; None where the data name a test set.
            origin: what the content is a function of, see `seals.origin_of`.
        """
        path, seal = self.directory / SPLIT, Seal(origin, self.still_ours)
        if not self.writes or (text is not None and seal.fits(path)):
            return False
        if text is None:
            drop(path)
            return False
        there = path.is_file()
        seal.write(path, lambda file: file.write(text.encode()))
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
            self._make(self.directory)
            write_text(self.directory / JOURNAL, text_of(run.records), make_folder=False)

    def save_config(self, plain: dict[str, Any]) -> None:
        """Write config.yaml, a view of the configuration for people; what decides is the journal."""
        if self.writes:
            self.still_ours()
            text = yaml.safe_dump(plain, sort_keys=False)
            write_text(self.directory / "config.yaml", text, make_folder=False)

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


def differing(was: RunRecord, wanted: RunRecord) -> list[str]:
    """Return one phrase for each thing that tells two runs apart."""
    pairs = (("name", was.name, wanted.name), ("seed", was.seed, wanted.seed))
    changed = [f"{key}: {one} -> {other}" for key, one, other in pairs if one != other]
    if was.pool_size != wanted.pool_size:
        changed.append(f"images in the pool: {was.pool_size} -> {wanted.pool_size}")
    elif was.data_sha256 != wanted.data_sha256:
        changed.append("images or classes of other names, or label ids of another meaning")
    for key in sorted(was.files.keys() & wanted.files.keys()):  # a file may be gone once a run is finished
        if was.files[key] != wanted.files[key] and was.settings.get(key) == wanted.settings.get(key):
            changed.append(f"{key.replace('init_args.', '')}: a file of other content")
    if was.features != wanted.features and was.features and wanted.features:  # a finished run opens none
        changed.append("other features: of other weights, or of images read in another way")
    return changed + differences(was.settings, wanted.settings)
