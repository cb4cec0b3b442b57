"""A run's hold on its directory: one run at a time is in it, and notices when it was deleted or replaced."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from al_lightning.errors import ALError, DirectoryInUse
from al_lightning.runs.files import hold

LOCK = ".lock"


class Held:
    """A directory that a run holds while it is at work. Only one process of a run holds it (`writes`)."""

    def __init__(self, directory: Path, writes: bool = True) -> None:
        self.directory = directory
        self.writes = writes
        self._lock: BinaryIO | None = None
        self._made: list[Path] = []

    def lock(self) -> None:
        """Hold the directory until this process ends; a second run in it is refused.

        Raises:
            DirectoryInUse: another process holds it.
            ALError: it cannot be written to.
        """
        if not self.writes or self._lock is not None:
            return
        above = [self.directory, *self.directory.parents]
        missing = [folder for folder in above if not folder.exists()]
        handle = hold(self.directory / LOCK)
        if handle is None:
            raise DirectoryInUse(f"Another process is at work in {self.directory}; wait for it, or use another one.")
        self._lock, self._made = handle, missing

    @property
    def holds(self) -> bool:
        """Whether the directory is held."""
        return self._lock is not None

    def is_ours(self) -> bool:
        """Whether the directory is still the one that this run holds; also where it holds none."""
        if self._lock is None:
            return True
        held = os.fstat(self._lock.fileno())
        try:
            there = os.stat(self.directory / LOCK)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def still_ours(self) -> None:
        """See that the directory is the one that this run holds: it may have been deleted, or replaced by another.

        Raises:
            ALError: it is not.
        """
        if not self.is_ours():
            raise ALError(
                f"{self.directory} was deleted or replaced while this run was at work in it, so that the run ends and "
                "writes nothing more; the same command begins anew."
            )

    def release(self) -> None:
        """Let go of the directory; of a run that never began nothing stays."""
        if self._lock is None:
            return
        with contextlib.suppress(OSError):  # it was deleted, or somebody else put something there meanwhile
            if self.is_ours() and [path.name for path in self.directory.iterdir()] == [LOCK]:
                (self.directory / LOCK).unlink()
                for folder in self._made:
                    folder.rmdir()
        self._lock.close()
        self._lock = None
