"""Files that are complete or absent."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from al_lightning.errors import ALError


def write_atomic(path: Path, write: Callable[[BinaryIO], object], make_folder: bool = True) -> None:
    """Write a file so that a reader sees the old or the new content, never a part, even after a power cut.

    Args:
        path: the target.
        write: called with the open temporary file beside the target.
        make_folder: make the target's missing folders.

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


def hold(path: Path) -> BinaryIO | None:
    """Lock a file until it is closed or this process ends; None where another process holds it.

    Args:
        path: it and its folder are made where they are missing.

    Raises:
        ALError: the folder cannot be written to, or its file system cannot lock.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("ab")
    except OSError as error:
        raise ALError(f"Cannot write to the run directory {path.parent}: {error.strerror}.") from error
    try:
        # A record lock is this process's alone: neither forked data workers nor runs that it starts inherit it, and
        # death releases it.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return None
        raise ALError(
            f"{path.parent} is on a file system that cannot lock ({error.strerror}); use another directory."
        ) from error
    return handle
