"""rows.npz: scores or embeddings of the candidates of a selection, beside selection.json."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

LARGEST = 16_000_000
"""Most numbers kept per cycle (64 MB); of more, an even sample of rows is kept, and all chosen rows."""

UNREADABLE = (zipfile.BadZipFile, KeyError, EOFError, MemoryError, NotImplementedError, SyntaxError)
"""Errors of zipfile and NumPy for a file that is no file of rows."""


class SeenRows(NamedTuple):
    """Candidates of a selection; N images, M members, K numbers each.

    Attributes:
        index: (N,) int64 positions in the training set, ascending, unique.
        labelled: (N,) bool, whether each was labelled.
        value: (M, N, K) float32 scores or embeddings.
        columns: the kinds of the K numbers in their order, and how many of each; empty where they are not known.
    """

    index: npt.NDArray[np.int64]  # type: ignore[assignment]  # hides tuple.index
    labelled: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float32]
    columns: Mapping[str, int] = MappingProxyType({})


def write_rows(file: BinaryIO, rows: SeenRows, chosen: list[int]) -> None:
    """Write the rows of a selection, or, of more than `LARGEST` numbers, an even sample and the chosen rows."""
    index, labelled, value, columns = rows
    if value.size > LARGEST:
        room = max(len(chosen), LARGEST * len(index) // value.size)
        keep = np.isin(index, chosen)
        keep[np.linspace(0, len(index) - 1, max(0, room - len(chosen)), dtype=np.int64)] = True
        index, labelled, value = index[keep], labelled[keep], value[:, keep]
    arrays: dict[str, Any] = {"index": index, "labelled": labelled, "value": value, "chosen": np.asarray(chosen)}
    arrays["columns"] = np.array([f"{kind}:{width}" for kind, width in columns.items()], dtype=np.str_)
    np.savez(file, **arrays)


def read_rows(path: Path, pool_size: int, value: bool = True) -> SeenRows:
    """Read what `write_rows` wrote for a pool of `pool_size` images, with no more memory than the file has bytes.

    Without `value`, the scores or embeddings, which may be large, are not read and are empty.

    Raises:
        ValueError: the file is not as it was written.
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise ValueError("it is compressed, and no run writes such a file")
        with np.load(path, allow_pickle=False) as arrays:
            none = np.empty((0, len(arrays["index"]), 0), np.float32)
            pairs = (str(text).rpartition(":") for text in arrays.get("columns", ()))
            columns = {kind: int(width) for kind, _, width in pairs}
            rows = SeenRows(arrays["index"], arrays["labelled"], arrays["value"] if value else none, columns)
    except UNREADABLE as error:
        raise ValueError(f"it is no file of rows ({type(error).__name__})") from error
    kinds = [array.dtype.str for array in rows[:3]] == ["<i8", "|b1", "<f4"]
    shapes = rows.index.ndim == 1 and rows.labelled.shape == rows.index.shape and rows.value.ndim == 3
    if not kinds or not shapes or rows.value.shape[1] != len(rows.index):
        raise ValueError("its arrays do not fit together")
    if value and columns and (sum(columns.values()) != rows.value.shape[2] or min(columns.values()) < 1):
        raise ValueError("its columns do not fit its numbers")
    if len(rows.index) and (rows.index[0] < 0 or rows.index[-1] >= pool_size or (np.diff(rows.index) <= 0).any()):
        raise ValueError(f"its positions are not ascending, from 0 to {pool_size - 1}")
    return rows


def part_of(rows: SeenRows, kind: str) -> npt.NDArray[np.float32] | None:
    """Return the columns of a kind of the first member, (N, K_kind); None where there are none."""
    start = 0
    for name, width in rows.columns.items():
        if name == kind and len(rows.value):
            return rows.value[0, :, start : start + width]
        start += width
    return None


def shape_of(path: Path) -> tuple[int, int, int]:
    """Return the shape (M, N, K) of `value` from the file's head, without reading the numbers.

    Raises:
        ValueError: the file is not as it was written.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("value.npy") as file:
            np.lib.format.read_magic(file)
            (members, rows, width), _, _ = np.lib.format.read_array_header_1_0(file)
    except UNREADABLE as error:
        raise ValueError(f"it is no file of rows ({type(error).__name__})") from error
    return members, rows, width
