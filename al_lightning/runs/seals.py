"""Seals: beside each file that a run reads back lies NAME.seal, with the hashes of the file's bytes and of its inputs.

A seal is one line of JSON: the format, the file's name, the SHA-256 of its bytes, and its origin, a hash of everything
that the file is a function of. The seal is written after the file. A run deletes a file whose seal does not fit, tells
the user, and makes the file again. A file that was cut or changed, or that belongs to another run, cycle or member, is
therefore never used. A seal guards against accidents. It is no signature, since anybody can write one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from al_lightning.runs.files import in_the_way, read_small, write_atomic, write_text

FORMAT = 1
LARGEST = 1 << 12
"""Bytes that a seal may have."""


def origin_of(**parts: Any) -> str:
    """Return the origin of a file: the SHA-256 of everything that the file is a function of, plain data by name."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def seal_of(path: Path) -> Path:
    """Return where the seal of a file lies."""
    return path.with_name(f"{path.name}.seal")


def sealed_digest(path: Path) -> str | None:
    """Return the SHA-256 in a file's seal; None without a seal. The file itself may be gone."""
    try:
        seal = json.loads(read_small(seal_of(path), LARGEST))
        return str(seal["sha256"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def drop(path: Path) -> None:
    """Delete a file and its seal.

    Raises:
        ALError: a folder is in the place of either.
    """
    _refuse_folders(path)
    path.unlink(missing_ok=True)
    seal_of(path).unlink(missing_ok=True)


def _refuse_folders(path: Path) -> None:
    for place in (path, seal_of(path)):
        if place.is_dir():  # no run makes such a folder, so none deletes it
            raise in_the_way(place)


def made_again(path: Path) -> str:
    """Return the message for a file that was deleted because its seal does not fit."""
    return f"{path} was damaged, or not of this run; the steps that it covered are done again"


def _line(path: Path, origin: str) -> str:
    return json.dumps({"format": FORMAT, "file": path.name, "sha256": digest_of(path), "origin": origin}) + "\n"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


@dataclass(frozen=True)
class Seal:
    """Writes and recognises the files of one origin.

    Attributes:
        origin: see `origin_of`.
        check: called before each write; it raises where the files' folder is no longer the run's.
    """

    origin: str = ""
    check: Callable[[], object] = lambda: None

    def write(self, path: Path, write: Callable[[BinaryIO], object]) -> None:
        """Write a file and then its seal, each completely or not at all, into a folder that exists.

        Raises:
            ALError: the file cannot be written, or the folder is no longer the run's.
        """
        self.check()
        write_atomic(path, write, make_folder=False)
        self.confirm(path)

    def confirm(self, path: Path) -> None:
        """Write the seal of a file that was just written."""
        write_text(seal_of(path), _line(path, self.origin), make_folder=False)

    def fits(self, path: Path) -> bool:
        """Whether a file exists, is as it was written, and is of this origin."""
        try:
            return _line(path, self.origin) == read_small(seal_of(path), LARGEST).decode()
        except (OSError, ValueError):
            return False

    def drop_unfit(self, path: Path) -> bool:
        """Delete a file that does not fit, and its seal; return whether there was such a file.

        Raises:
            ALError: a folder is in the place of either.
        """
        _refuse_folders(path)
        if not path.is_file() or self.fits(path):
            return False
        drop(path)
        return True
