"""Vectors that were made elsewhere as the features of a dataset: each image gets the row of its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError, printable
from al_lightning.features.sets import FeatureSets, checked
from al_lightning.networks.from_features import Layout
from al_lightning.vector_files import VectorFile, read_vectors

PIECE = 1 << 22
"""Numbers that are checked at a time."""
Rows = npt.NDArray[np.int64]


class PickedFeatures:
    """Rows of a file of vectors, in the order of a set's images, as float32.

    Args:
        file: the file.
        picked: (N,) row of each image.
    """

    def __init__(self, file: VectorFile, picked: Rows) -> None:
        self.file = file
        self.picked = picked
        self.layout = Layout((), file.vectors.shape[1], (1, 1))

    def __getstate__(self) -> dict[str, Any]:
        """Another process maps a file again that this one maps: pickled, it would be copied."""
        mapped = isinstance(self.file.vectors, np.memmap)
        return {**self.__dict__, "file": self.file.path if mapped else self.file}

    def __setstate__(self, state: dict[str, Any]) -> None:
        file = state["file"]
        self.__dict__.update({**state, "file": read_vectors(file) if isinstance(file, Path) else file})

    def __len__(self) -> int:
        return len(self.picked)

    def rows(self, positions: Sequence[int]) -> Tensor:
        """Read the vectors of images; raise IndexError where a position is negative or too large."""
        rows = self.file.vectors[self.picked[checked(positions, len(self))]]
        with np.errstate(over="ignore"):
            return torch.from_numpy(np.asarray(rows, dtype=np.float32))


def vectors_of(data: PoolDataset, path: Path, say: Callable[[str], object]) -> FeatureSets:
    """Return the vectors of a file as the features of a dataset's images, by name.

    Names are paths below the dataset's folder, or names of files where these are enough to tell the images apart; the
    whole file is read in one way. Names of other images are left out, with a line.

    Raises:
        UsageError: the file cannot be read; an image has no vector, or two; or a vector is not finite.
    """
    file = read_vectors(path)
    sets = [
        [key_of_name(images.name(index), data.root) for index in range(len(images))]
        for images in (data.train, data.test)
    ]
    picked, how = match(file, [*sets[0], *sets[1]], data.root)
    _check_finite(file, picked, [*sets[0], *sets[1]])
    say(f"the vectors of {len(picked):,} images, {file.vectors.shape[1]:,} numbers each, come from {path}, by {how}")
    unused = np.setdiff1d(np.arange(len(file.names)), picked)
    if len(unused):
        say(
            f"note: {len(unused):,} of {len(file.names):,} names in {path} are no image of the dataset and are not "
            f"used, for example {printable(file.names[unused[0]])}"
        )
    train, test = np.split(picked, [len(data.train)])
    return FeatureSets(PickedFeatures(file, train), PickedFeatures(file, test))


def key_of_name(name: str, root: Path) -> str:
    """Return an image's name as it is compared: a path below the dataset's folder, with slashes."""
    text = name.strip().replace("\\", "/")
    for folder in (root, root.absolute()):
        text = text.removeprefix(f"{str(folder).replace(chr(92), '/').rstrip('/')}/")
    while text.startswith("./"):
        text = text[2:]
    return text


def match(file: VectorFile, images: Sequence[str], root: Path) -> tuple[Rows, str]:
    """Return the row of each image, and by what they were found: "path" or "file name".

    Args:
        file: the vectors.
        images: the names of all images, as `key_of_name` returns them.
        root: the dataset's folder.

    Raises:
        UsageError: an image has no vector, or two.
    """
    given = [key_of_name(name, root) for name in file.names]
    by_path = set(images) & set(given)
    by_name = {_last(name) for name in images} & {_last(name) for name in given}
    if not by_name:
        raise UsageError(
            f"No name in {file.path} is that of an image in {root}: the file has {_first(given)}, the dataset "
            f"{_first(images)}; name each vector by its image's path below {root}, or by the name of its file."
        )
    lasts, clash = [_last(name) for name in images], _doubled([_last(name) for name in images])
    if len(by_path) == len(set(images)):
        return _rows(file, given, images), "path"
    if clash is None and len(by_name) == len(lasts):
        return _rows(file, [_last(name) for name in given], lasts), "file name"
    if clash is not None and not by_path:
        raise UsageError(
            f"{file.path} names images by their files alone, and {lasts.count(clash)} images of the dataset are called "
            f"{printable(clash)}, so that names of files cannot tell them apart; give each image's path below {root}."
        )
    lacking = [name for name in images if name not in by_path and (clash is not None or _last(name) not in by_name)]
    raise UsageError(
        f"{len(lacking):,} of {len(images):,} images have no vector in {file.path}, for example {_first(lacking)}; "
        "make these vectors too, or take the images out of the folder."
    )


def _rows(file: VectorFile, given: Sequence[str], images: Sequence[str]) -> Rows:
    """Return the row of each image, all of which are there."""
    wanted = set(images)
    if clash := _doubled([name for name in given if name in wanted]):
        lines = [number + 1 for number, name in enumerate(given) if name == clash]
        raise UsageError(
            f"{file.path} has {len(lines)} vectors for {printable(clash)} (rows {', '.join(map(str, lines[:3]))}); "
            "keep one of them, or name images by their paths."
        )
    place = {name: number for number, name in enumerate(given)}
    return np.array([place[name] for name in images], dtype=np.int64)


def _doubled(names: Sequence[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _first(names: Sequence[str]) -> str:
    return repr(printable(names[0])) if names else "none"


def _check_finite(file: VectorFile, picked: Rows, images: Sequence[str]) -> None:
    """Raise UsageError where vectors of images are not finite as float32; reads them once, in the file's order."""
    order = np.argsort(picked)
    step = max(1, PIECE // file.vectors.shape[1])
    wrong: list[int] = []
    for start in range(0, len(order), step):
        part = order[start : start + step]
        with np.errstate(over="ignore"):
            values = np.asarray(file.vectors[picked[part]], dtype=np.float32)
        wrong += part[~np.isfinite(values).all(axis=1)].tolist()
    if wrong:
        raise UsageError(
            f"{len(wrong):,} of {len(picked):,} vectors in {file.path} hold NaN, infinity or more than float32 can, "
            f"the first that of {printable(images[min(wrong)])}; make these again."
        )
