"""What the official layouts of datasets share: folders at the wrong level, and the numbers of images."""

from __future__ import annotations

import os
from pathlib import Path

from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import DatasetError


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in a folder, hidden ones left out: one look at it, where a look per file takes much longer."""
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if not entry.name.startswith("."))


def elsewhere(root: Path, needed: str) -> Path | None:
    """Return the folder a level below or up to three above `root` that holds `needed`, for one who named the wrong."""
    if not root.is_dir():
        return None
    here = root.absolute()
    near = [*here.parents[:3], *(here / name for name in sorted(names_in(here)))]
    return next((folder for folder in near if os.path.isdir(folder / needed)), None)  # also where one may not look


def absent(data: PoolDataset, path: Path, *names: str) -> DatasetError:
    """Return the error for a path that is missing; a folder that must lie in the root may lie above or below it.

    Args:
        data: the dataset.
        path: what is missing.
        names: folders that must lie in the root, of which one is enough.
    """
    for name in names:
        if (folder := elsewhere(data.root, name)) is not None:
            return DatasetError(
                f"There is no {data.root / name}, but {folder / name} is there: --data.root {folder} is meant."
            )
    return data.missing(path)


def check_counts(root: Path, counts: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse a part of a dataset.

    Args:
        root: where it lies.
        counts: numbers of training and of test images.
        expected: the official ones.

    Raises:
        DatasetError: they differ.
    """
    if counts != expected:
        raise DatasetError(
            f"{root} holds {counts[0]:,} images to train on and {counts[1]:,} to test on, where the whole dataset has "
            f"{expected[0]:,} and {expected[1]:,}; complete it, or say that a part is meant: --data.complete false."
        )
