"""A file or a folder to import, before its format is known: names, first bytes, and bounded reading of its content."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, is_clutter, read_bytes, read_start

MOST_FILES = 200_000
HEAD = 4096
"""Bytes of a file that its format is recognised by."""


@dataclass
class Source:
    """A file, a folder or a zip file to import.

    Attributes:
        where: name of the source in messages.
        kind: whether the run's labels are classes or masks.
        limits: bounds on a file of annotations.
        path: the file or folder; for a file in a zip file, the zip file.
        form: a file, a folder, or a zip file as a whole.
        names: relative paths of the files in a folder or zip file; for a file, its own name.
        read: called with a name and a number of bytes; returns that file's content, at most so many bytes.
        members: the `names` that are sources of their own.
        head: first bytes of a file, otherwise empty.
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
        """`head` without a byte order mark and leading white space."""
        return self.head.removeprefix(b"\xef\xbb\xbf").lstrip()

    def load(self) -> bytes:
        """Return the content of a file, within the limits."""
        return self.read(self.names[0], self.limits.size)

    @cached_property
    def json(self) -> Any:
        """The content as plain data where it begins like a JSON list or object, otherwise None.

        Raises:
            Malformed: the content is not JSON, or exceeds the limits.
        """
        return parse_json(self.load(), self.limits) if self.text[:1] in (b"{", b"[") else None


def source_of(path: Path, kind: Kind, limits: Limits) -> Source:
    """Return a file or a folder as a source, a zip file as a file; raise Malformed where it cannot be read."""
    if os.path.isdir(path):  # False for a name with a NUL byte
        names = [file.relative_to(path).as_posix() for file in _files_below(path)]
        return Source(str(path), kind, limits, path, "folder", names, lambda name, most: _inside(path, name, most))
    head = read_start(path, HEAD)
    return Source(str(path), kind, limits, path, "file", [path.name], lambda _, most: read_bytes(path, most), head=head)


def _inside(folder: Path, name: str, most: int) -> bytes:
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise Malformed("it is a link out of its folder; put the file there")
    return read_bytes(folder / name, most)


def _files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without clutter and without the content of linked folders."""
    files: list[Path] = []
    waiting = [folder]
    try:
        while waiting:
            for path in waiting.pop().iterdir():
                if is_clutter([path.name]):
                    continue
                if path.is_dir():
                    waiting += [] if path.is_symlink() else [path]
                elif path.is_file():
                    files.append(path)
                if len(files) + len(waiting) > MOST_FILES:
                    raise Malformed(f"it holds more than {MOST_FILES:,} files")
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    return sorted(files)
