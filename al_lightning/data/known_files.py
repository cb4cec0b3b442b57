"""What was found in files, kept on disk, so that a file is looked at again only once it has changed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from al_lightning.data.cache.files import with_checksum, without_checksum
from al_lightning.errors import ALError
from al_lightning.runs.files import write_atomic

FORMAT = 1
"""Format of the file: raised when what is found changes its meaning. A file of another format is made anew."""
NAME = "known-files-{}.json"
DECODED = "decoded"
"""Known files of images: whether the whole image could be decoded."""
MOST_FILES = 16
"""Such files that a folder keeps: each way to read a dataset has its own."""
Stamp = list[list[int] | None]
"""Size in bytes and time of change in nanoseconds of each of some files; None for a file that does not exist."""


class KnownFiles:
    """What was found in files, by name. It counts while the files have the same size and time of change.

    Args:
        path: where it is kept; None keeps it in memory. A damaged file counts as none.
        root: folder of the data, which names lose: the data may be moved.
    """

    def __init__(self, path: Path | None, root: Path) -> None:
        self.path = path
        self._root = f"{root}{os.sep}"
        self._old = self._read()
        self._now: dict[str, tuple[Stamp, Any]] = {}

    def _read(self) -> dict[str, Any]:
        if self.path is None:
            return {}
        try:
            content = without_checksum(self.path)
        except ValueError:  # no file yet, or a damaged one
            return {}
        return content["files"] if content.get("format") == FORMAT else {}

    def find(self, name: str, stamp: Stamp) -> Any:
        """Return what was found under a name in files that have not changed; None where nothing is known."""
        name = name.removeprefix(self._root)
        known = self._now.get(name) or self._old.get(name)
        if known is None or known[0] != stamp:
            return None
        self._now[name] = stamp, known[1]
        return known[1]

    def keep(self, name: str, stamp: Stamp, found: Any) -> None:
        """Keep what was found, as JSON has it; the stamp is from before the files were read."""
        self._now[name.removeprefix(self._root)] = stamp, found

    def save(self) -> None:
        """Write what was found or asked for; what nobody asked for, of files that are gone, is dropped.

        Where the folder cannot be written to, nothing is kept: the files are looked at again.
        """
        now = {name: [stamp, found] for name, (stamp, found) in self._now.items()}
        if self.path is None or now == self._old:
            return
        content = with_checksum({"format": FORMAT, "files": now})
        with contextlib.suppress(ALError):
            write_atomic(self.path, lambda file: file.write(content))
            self._old = now
        with contextlib.suppress(OSError):
            others = sorted(self.path.parent.glob(NAME.format("*")), key=lambda path: path.stat().st_mtime_ns)
            for path in others[:-MOST_FILES]:
                path.unlink(missing_ok=True)


def file_in(folders: Iterable[Path | None], what: str) -> Path | None:
    """Return where to keep what was found: in the first folder that can be written to, or made; None without one."""
    return next((one / NAME.format(what) for one in folders if one is not None and may_write(one)), None)


def may_write(folder: Path) -> bool:
    """Return whether a folder can be written to, or made."""
    there = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    return os.access(there, os.W_OK)


def stamp_of(files: Iterable[Path]) -> Stamp:
    """Return size and time of change of files."""
    return [_stamp(path) for path in files]


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]
