"""Files that are complete or absent."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from al_lightning.errors import ALError


def write_atomic(path: Path, write: Callable[[BinaryIO], object], make_folder: bool = True) -> None:
    """Write a file so that a reader sees the old or the new content, never a part, even after a power cut.

    `write` is called with an open temporary file beside the target. `make_folder` makes missing folders.

    Raises:
        ALError: the disk is full, the folder is read-only, or the like; the old content is unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # left by a killed process, or a planted link
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, ALError) and (cause := _from_system(error)) is not None:
            raise ALError(unwritable(path, cause)) from error
        raise
    # The rename is durable only after a sync of the folder, which some network file systems cannot do.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _from_system(error: BaseException | None) -> OSError | None:
    """Return the operating system's error behind an error: torch reports a full disk as its own error."""
    while error is not None:
        if isinstance(error, OSError):
            return error
        error = error.__cause__ or error.__context__
    return None


def unwritable(path: str | Path, error: OSError) -> str:
    """Return the message for a write that the system refused."""
    if isinstance(error, IsADirectoryError) and Path(path).is_dir():
        return str(in_the_way(Path(path)))
    return (
        f"Cannot write {path}: {error.strerror or error}. Make room, or make it writable; finished work is "
        "kept, and the same command goes on."
    )


def in_the_way(path: Path) -> ALError:
    """Return the error for a folder where a file belongs, or for a file where a folder belongs."""
    existing, wanted = ("folder", "file") if path.is_dir() else ("file", "folder")
    return ALError(f"{path} is a {existing}, where a {wanted} belongs; move it away, and run the same command.")


def write_text(path: Path, text: str, make_folder: bool = True) -> None:
    """Write UTF-8 text atomically; arguments as `write_atomic`'s."""
    write_atomic(path, lambda file: file.write(text.encode()), make_folder)


def read_small(path: Path, most: int) -> bytes:
    """Read a file of at most `most` bytes: a file from somebody else may have any size.

    Raises:
        OSError: the file cannot be read, or is no regular file.
        ValueError: the file is larger.
    """
    if not path.is_file():  # reading a pipe would wait for ever
        raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"is larger than {most >> 20} MiB" if most >> 20 else f"is larger than {most} bytes")
    return content
