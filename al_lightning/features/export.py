"""Files of vectors for use elsewhere, from the features of a dataset; `vector_files` reads them again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError, printable
from al_lightning.features.sets import FeatureSets
from al_lightning.runs.files import write_atomic, write_text
from al_lightning.vector_files import ENDINGS

ROWS = 256
"""Rows that are read at a time."""


def check_out(out: Path) -> None:
    """Raise UsageError where a path is not that of a file of vectors."""
    if out.suffix not in ENDINGS or out.is_dir():
        raise UsageError(f"--out {out} must be a file that ends in {', '.join(ENDINGS)}.")


def write_vectors(data: PoolDataset, features: FeatureSets, out: Path) -> list[Path]:
    """Write the embedding of each image, first of the pool, then of the test set; return the files.

    Names are paths below the dataset's folder.

    Raises:
        UsageError: two images have one name, or the ending is unknown.
        ALError: the file cannot be written.
    """
    names, parts = [], []
    for images, stored in zip((data.train, data.test), features, strict=True):
        names += [images.name(index).removeprefix(f"{data.root}/") for index in range(len(images))]
        for start in range(0, len(images), ROWS):  # with maps, a row may be a megabyte
            rows = stored.rows(range(start, min(start + ROWS, len(images))))
            parts.append(stored.layout.split(rows).embedding.float().numpy())
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"Two images are called {printable(twice)}, so that names cannot tell their vectors apart.")
    vectors = np.concatenate(parts)
    check_out(out)
    if out.suffix == ".npz":
        write_atomic(out, lambda file: np.savez(file, vectors=vectors, names=np.array(names, dtype=str)))
        return [out]
    if out.suffix == ".csv":
        write_text(out, _csv(names, vectors))
        return [out]
    if broken := [name for name in names if "\n" in name]:
        raise UsageError(
            f"The name {printable(broken[0])!r} has a line break, which a list of names cannot hold; give --out X.npz."
        )
    write_text(out.with_suffix(".txt"), "".join(f"{name}\n" for name in names))
    write_atomic(out, lambda file: _save(file, vectors))
    return [out, out.with_suffix(".txt")]


def _save(file: BinaryIO, vectors: npt.NDArray[Any]) -> None:
    np.save(file, vectors, allow_pickle=False)


def _csv(names: Sequence[str], vectors: npt.NDArray[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, vector in zip(names, vectors, strict=True):
        writer.writerow([name, *map(str, vector)])
    return text.getvalue()
