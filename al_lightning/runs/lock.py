"""Locks between processes, and a run's lock on its directory, which may be deleted or replaced meanwhile."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from al_lightning.errors import ALError, DirectoryInUse
from al_lightning.runs.files import unwritable

LOCK = ".lock"


class Lock(AbstractContextManager["Lock"]):
    """Shuts out other processes that take the same lock, until it is released or this process ends.

    It is a record lock, which belongs to this process alone: processes that this one starts do not inherit it.

    Args:
        path: the lock's file; the file and its folder are made where they are missing, and stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def take(self, wait: bool = False) -> bool:
        """Take the lock; where another process holds it, wait for it, or return False.

        Raises:
            ALError: the folder cannot be written to, or its file system cannot lock.
        """
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = self.path.open("ab")
        except OSError as error:
            raise ALError(unwritable(error.filename, error)) from error
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise ALError(
                f"{folder} is on a file system that cannot lock ({error.strerror}); use another directory."
            ) from error
        self._file = file
        return True

    @property
    def held(self) -> bool:
        """Whether this process holds the lock."""
        return self._file is not None

    def is_there(self) -> bool:
        """Whether the file is still the one whose lock this process holds: it may have been deleted or replaced."""
        try:
            return self._file is not None and os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let other processes take the lock; nothing happens where it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __exit__(self, *error: object) -> None:
        self.release()


class Held:
    """A directory that a run locks while it is at work. Only one process of a run locks it (`writes`)."""

    def __init__(self, directory: Path, writes: bool = True) -> None:
        self.directory = directory
        self.writes = writes
        self._lock = Lock(directory / LOCK)
        self._made: list[Path] = []

    def lock(self) -> None:
        """Lock the directory until this process ends; a second run in it is refused.

        Raises:
            DirectoryInUse: another process holds it.
            ALError: it cannot be written to.
        """
        if not self.writes or self.holds:
            return
        above = [self.directory, *self.directory.parents]
        missing = [folder for folder in above if not folder.exists()]
        if not self._lock.take():
            raise DirectoryInUse(f"Another process is at work in {self.directory}; wait for it, or use another one.")
        self._made = missing

    @property
    def holds(self) -> bool:
        """Whether the directory is held."""
        return self._lock.held

    def is_ours(self) -> bool:
        """Whether the directory is still the one that this run locked; also where it locked none."""
        return not self.holds or self._lock.is_there()

    def still_ours(self) -> None:
        """Raise an error where the directory was deleted, or replaced by another, after this run locked it.

        Raises:
            ALError: it was.
        """
        if not self.is_ours():
            raise ALError(
                f"{self.directory} was deleted or replaced while this run was at work in it, so that the run ends and "
                "writes nothing more; the same command begins anew."
            )

    def release(self) -> None:
        """Release the directory; nothing stays of a run that never began."""
        if not self.holds:
            return
        with contextlib.suppress(OSError):  # it was deleted, or somebody else put something there meanwhile
            if self.is_ours() and [path.name for path in self.directory.iterdir()] == [LOCK]:
                (self.directory / LOCK).unlink()
                for folder in self._made:
                    folder.rmdir()
        self._lock.release()
