"""Files of vectors that were made elsewhere: .npy with a list of names, .npz and .csv. No torch.

Nothing in such a file runs: object arrays, which numpy would unpickle, are refused by what the file's header says.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from al_lightning.errors import UsageError, printable

ENDINGS = (".npy", ".npz", ".csv")
MOST_IN_MEMORY = 4 << 30
"""Bytes of vectors that are read into memory; a .npy file is mapped and may have any size."""
MOST_NAMES = 1 << 29
"""Bytes of a list of names."""
TYPES = ("float16", "float32", "float64")


@dataclass(frozen=True)
class VectorFile:
    """The content of a file of vectors.

    Attributes:
        path: the file.
        names: name of each row.
        vectors: (N, D) float16, float32 or float64, perhaps mapped; numbers are not checked.
    """

    path: Path
    names: list[str]
    vectors: npt.NDArray[Any]


def dimension_of(path: Path) -> int:
    """Return D, the numbers of each vector, from the head of a file of vectors.

    Raises:
        UsageError: the file is missing, or holds no such vectors.
    """
    with _reading(path):
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return _shape(path, file)[1]
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive, "vectors")) as member:
                return _shape(path, member)[1]
        return len(next(_csv_rows(path))[1])


def read_vectors(path: Path) -> VectorFile:
    """Read a file of vectors and their names.

    Raises:
        UsageError: the file is missing, or holds no such vectors; or as many names as vectors were expected.
    """
    with _reading(path):
        names, vectors = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}[path.suffix](path)
    if len(names) != len(vectors):
        raise UsageError(f"{path} has {len(vectors):,} vectors, but {len(names):,} names; each row needs its name.")
    return VectorFile(path, names, vectors)


def list_of_names(path: Path) -> Path | None:
    """Return the list of names that belongs to the vectors of a .npy file; None where there is none."""
    lists = (path.with_suffix(".txt"), path.with_name("names.txt"))
    return next((each for each in lists if each.is_file()), None)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn the errors of reading a file into sentences."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"{path} is no file of vectors: its name must end in {', '.join(ENDINGS)}.")
    if not path.is_file():
        raise UsageError(f"There is no file of vectors {path}.")
    try:
        yield
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} or its list of names is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, SyntaxError, csv.Error, zlib.error, zipfile.BadZipFile, StopIteration) as error:
        raise UsageError(
            f"{path} is damaged, or no {path.suffix} file of vectors ({printable(str(error)) or 'it is empty'}); save "
            "it again."
        ) from error


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the head of an array in numpy's format; return its shape and type."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise UsageError(
            f"{path} holds an object array, whose reading would run code; save plain arrays: "
            "np.asarray(vectors, dtype=np.float32), np.asarray(names, dtype=str)."
        )
    return shape, dtype


def _shape(path: Path, file: IO[bytes]) -> tuple[int, int, int]:
    """Read the head of an array of vectors; return N, D and its bytes."""
    shape, dtype = _header(path, file)
    if dtype.name not in TYPES:
        raise UsageError(f"{path} holds {dtype} numbers; save it as float32: vectors.astype(np.float32).")
    if len(shape) != 2 or not shape[1]:
        raise UsageError(
            f"{path} holds an array of shape {shape}; (images, numbers of a vector) was expected, one vector an image."
        )
    return shape[0], shape[1], shape[0] * shape[1] * dtype.itemsize


def _read_npy(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    with path.open("rb") as file:
        count, _, size = _shape(path, file)
        there = path.stat().st_size - file.tell()
    if there != size:
        raise UsageError(f"{path} is cut or damaged: {there:,} bytes of vectors where {size:,} belong; save it again.")
    found = list_of_names(path)
    if found is None:
        beside = path.with_suffix(".txt")
        raise UsageError(
            f"{path} says not which image each vector is of; write the images' names into {beside}, one a line, in "
            "the order of the vectors, or save vectors and names as .npz."
        )
    if found.stat().st_size > MOST_NAMES:
        raise UsageError(f"{found} is larger than {MOST_NAMES >> 20} MiB, too large for a list of names.")
    names = found.read_text(encoding="utf-8-sig").split("\n")
    while names and not names[-1].strip():
        names.pop()
    vectors: npt.NDArray[Any] = np.load(path, mmap_mode="r" if count else None, allow_pickle=False)
    return [name.rstrip("\r") for name in names], vectors


def _read_npz(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        for part, most in (("vectors", MOST_IN_MEMORY), ("names", MOST_NAMES * 4)):
            with archive.open(_member(path, archive, part)) as member:
                shape, dtype = _header(path, member) if part == "names" else (_shape(path, member)[2:], np.dtype("i1"))
                size = int(np.prod(shape, dtype=object)) * dtype.itemsize
            if size > most:
                raise _too_large(path, size)
            if part == "names" and (dtype.kind not in "US" or len(shape) != 1):
                raise UsageError(
                    f"`names` in {path} is an array {shape} of {dtype}; texts were expected, one a vector: "
                    "np.asarray(names, dtype=str)."
                )
    with np.load(path, allow_pickle=False) as arrays:
        names, vectors = arrays["names"], arrays["vectors"]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist()], vectors


def _member(path: Path, archive: zipfile.ZipFile, part: str) -> str:
    if f"{part}.npy" not in archive.namelist():
        held = ", ".join(printable(name).removesuffix(".npy") for name in archive.namelist()[:8]) or "nothing"
        raise UsageError(
            f"{path} has no array `{part}` (it has {held}); save it with "
            f"np.savez({path.name!r}, vectors=..., names=...)."
        )
    return f"{part}.npy"


def _too_large(path: Path, size: int) -> UsageError:
    return UsageError(
        f"{path} holds {size / 2**30:.1f} GiB, and at most {MOST_IN_MEMORY / 2**30:.1f} GiB of such a file are read "
        "into memory; save the vectors as .npy, which is read piece by piece, with their names in a .txt beside it."
    )


def _read_csv(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    if (size := path.stat().st_size) > MOST_IN_MEMORY:
        raise _too_large(path, size)
    names, rows = [], []
    for name, row in _csv_rows(path):
        names.append(name)
        rows.append(row)
    if not rows:
        raise ValueError
    return names, np.stack(rows)


def _csv_rows(path: Path) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield name and vector of each line, without a header."""
    length = None
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        for cells in reader:
            if not cells:
                continue
            if len(cells) < 2 or length not in (None, len(cells)):
                wanted = f"{length - 1} numbers as in the lines before" if length else "numbers, with commas between"
                raise UsageError(
                    f"Line {reader.line_num} of {path} has {len(cells) - 1} numbers after the name; {wanted} were "
                    "expected."
                )
            try:
                with np.errstate(over="ignore"):  # too large a number becomes infinite, which is refused later
                    row = np.array([float(cell) for cell in cells[1:]]).astype(np.float32)
            except ValueError:
                if length is None and not any(map(_is_number, cells[1:])):
                    length = len(cells)
                    continue  # a header
                raise UsageError(
                    f"Line {reader.line_num} of {path} has something else than numbers after the name "
                    f"({printable(cells[0])[:60]!r})."
                ) from None
            length = len(cells)
            yield cells[0], row


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
