"""What datasets share: folders at the wrong level, missing files, numbers of images, and lists of images."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import repeats
from al_lightning.errors import DatasetError

Entry = TypeVar("Entry")

log = logging.getLogger(__name__)


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in a folder, without hidden ones; one listing is much faster than a look at each file."""
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if not entry.name.startswith("."))


def absent(data: PoolDataset, path: Path, *names: str) -> DatasetError:
    """Return the error for a missing path.

    It names the right root, which has one of the folders `names`, if that is a level below or up to three above.
    """
    if data.root.is_dir():
        root = data.root.absolute()
        near = [*root.parents[:3], *(root / name for name in sorted(names_in(root)))]
        for name in names:
            for folder in near:
                if os.path.isdir(folder / name):  # False where it may not be looked at
                    return DatasetError(
                        f"There is no {data.root / name}, but {folder / name} is there: give --data.root {folder}."
                    )
    return data.missing(path)


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return number and text of the lines of a list of images, without empty ones.

    Raises:
        DatasetError: there are none.
    """
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise DatasetError(f"{path} lists no images.")
    return lines


def pool_of_list(entries: Sequence[Entry], images: Sequence[Path], keep: bool, path: Path) -> list[Entry]:
    """Return the entries of the list `path`, without those that repeat one of the `images` unless `keep`."""
    repeated = repeats(images)
    if repeated:
        left = f"left out; {len(entries) - len(repeated):,} images are in the pool"
        log.info(
            "The pool's list %s has %s lines, %s of which repeat an image and are %s.",
            path,
            f"{len(entries):,}",
            f"{len(repeated):,}",
            "kept" if keep else left,
        )
    return [entry for place, entry in enumerate(entries) if keep or place not in repeated]


def check_missing(what: str, folder: Path, missing: set[str], remedy: str) -> None:
    """Raise DatasetError where a folder lacks files; the message names the first one."""
    if missing:
        raise DatasetError(
            f"The {what} {folder / min(missing)} does not exist ({len(missing)} missing in this folder); {remedy}."
        )


def check_counts(root: Path, counts: tuple[int, int], expected: tuple[int, int]) -> None:
    """Raise DatasetError where the numbers of (training, test) images are not the official ones."""
    if counts != expected:
        raise DatasetError(
            f"{root} holds {counts[0]:,} training images and {counts[1]:,} test images, where the whole dataset has "
            f"{expected[0]:,} and {expected[1]:,}; complete it, or accept a part of it with --data.complete false."
        )
