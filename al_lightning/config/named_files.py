"""The files of vectors, weights and constraints that a configuration names: a run records what they held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from al_lightning.errors import from_home
from al_lightning.runs.identity import flatten
from al_lightning.runs.seals import digest_of
from al_lightning.vector_files import ENDINGS, list_of_names

OPTIONS = ("vectors", "features", "weights", "file")
"""Options whose value may be a file's path: of networks, strategies and constraints."""


def contents_of_files(plain: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the files of vectors, weights and constraints that a configuration names, by option.

    With the vectors of a .npy file, the list of their names counts. Files that are not there are left out.
    """
    return {key: _digest(path) for key, path in _files(plain)}


def _files(plain: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    for key, value in flatten(plain):
        option = key.rpartition(".")[2]
        if option in OPTIONS and isinstance(value, str) and (option == "weights" or Path(value).suffix in ENDINGS):
            path = from_home(key, value)
            if path.is_file():
                yield key, path


def _digest(path: Path) -> str:
    names = list_of_names(path) if path.suffix == ".npy" else None
    if names is None:
        return digest_of(path)
    return hashlib.sha256(f"{digest_of(path)} {digest_of(names)}".encode()).hexdigest()
