"""A file or a folder to import, before its format is known: what a look tells, and bounded ways to read its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, read_bytes

MOST_FILES = 200_000
HEAD = 4096
"""Bytes of a file that are looked at to find its format."""


@dataclass
class Source:
    """One thing to import.

    Attributes:
        where: what sentences call the source.
        kind: what the run's labels are.
        limits: what a file of annotations may hold.
        path: the file or folder; of a file in a zip file only its name.
        form: a file, a folder, or a zip file as a whole.
        names: the files of a folder or of a zip file, as relative paths; of a file its own name.
        read: returns the content of the file of a name, of at most so many bytes.
        members: those of `names` that are sources of their own.
        head: the first bytes of a file, otherwise empty.
    """

    where: str
    kind: Kind
    limits: Limits
    path: Path
    form: Literal["file", "folder", "zip"]
    names: Sequence[str]
    read: Callable[[str, int], bytes]
    members: Sequence[str] = ()
    head: bytes = b""

    @property
    def text(self) -> bytes:
        """The first bytes of a text file, without a byte order mark and leading white space."""
        return self.head.removeprefix(b"\xef\xbb\xbf").lstrip()

    def load(self) -> bytes:
        """Return the content of a file, within the limits."""
        return self.read(self.names[0], self.limits.size)

    @cached_property
    def json(self) -> Any:
        """The content as plain data where it begins as JSON of a list or an object does; otherwise None.

        Raises:
            Malformed: the content is not JSON, or holds more than its limits.
        """
        return parse_json(self.load(), self.limits) if self.text[:1] in (b"{", b"[") else None


def source_of(path: Path, kind: Kind, limits: Limits) -> Source:
    """Return a file or a folder as a source; a zip file counts as a file.

    Raises:
        Malformed: there is none of that name, or it cannot be read.
    """
    try:
        if path.is_dir():
            names = [file.relative_to(path).as_posix() for file in _files_below(path)]
            return Source(str(path), kind, limits, path, "folder", names, lambda name, most: _inside(path, name, most))
        if not path.is_file():
            raise Malformed("it is no file" if path.exists() else "it does not exist")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    except ValueError as error:  # a NUL byte in the path
        raise Malformed("its name is no file's name") from error
    return Source(str(path), kind, limits, path, "file", [path.name], lambda _, most: read_bytes(path, most), head=head)


def _inside(folder: Path, name: str, most: int) -> bytes:
    """Read a file of a folder, unless a link leads out of the folder."""
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise Malformed("it is a link out of its folder; put the file there")
    return read_bytes(folder / name, most)


def _files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without hidden files and without the content of linked folders.

    Raises:
        Malformed: there are too many files, or the folder cannot be read.
    """
    found: list[Path] = []
    waiting = [folder]
    try:
        while waiting:
            for path in waiting.pop().iterdir():
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    waiting += [] if path.is_symlink() else [path]
                elif path.is_file():
                    found.append(path)
                if len(found) + len(waiting) > MOST_FILES:
                    raise Malformed(f"it holds more than {MOST_FILES:,} files")
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    return sorted(found)
