"""Decoded images and labels in flat files: what `al-lightning prepare` writes, and how a run reads it.

A cache is a folder, named by its recipe's hash:

    manifest.json    the recipe, and each set's size; its last line is the SHA-256 of what stands before
    train_00000.bin  64 images after each other: pixels (H x W x 3 bytes), then a class per pixel, if there is one
    train_00000.json the shard's rows, names and SHA-256: a killed `prepare` goes on from these
    train.rows.npy   (N, 10) int64, a row an image; see `COLUMNS`
    train.names      the images' names after each other, UTF-8
    test...          likewise

Images are read, not mapped: `read` into a new array took 0.02 ms for 256 x 512 pixels, a copy from a map 0.01, PNG of
the same size 3.4 (and 52 to decode and resize 1920 x 1208), and a file that was cut short is a short read, where a map
ends the process. Each read is held to its CRC-32 (0.09 ms). Only rows and names are mapped.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from lightning.pytorch.utilities import rank_zero_only

from al_lightning.data.cache.recipe import FORMAT, NONE, key_of
from al_lightning.data.images import Array, Images
from al_lightning.errors import DatasetError
from al_lightning.runs.seals import digest_of

log = logging.getLogger(__name__)

COLUMNS = (
    "shard",
    "offset",
    "height",
    "width",
    "crc",
    "label_height",  # -1: the image has one class
    "label_width",  # or that class
    "label_crc",
    "name_offset",
    "name_bytes",
)
SETS = ("train", "test")
MANIFEST = "manifest.json"
ROOT = "\0"
"""Stands in a name for the dataset's folder, which may have moved since."""


def shard_file(name: str, number: int) -> str:
    """Return the file name of a set's shard."""
    return f"{name}_{number:05d}.bin"


def seal(content: Mapping[str, Any]) -> bytes:
    """Return JSON with its SHA-256 in a line of its own."""
    text = json.dumps(content)
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n".encode()


def unseal(path: Path) -> dict[str, Any]:
    """Return what `seal` wrote to a file.

    Raises:
        ValueError: it is not there, or not what was written.
    """
    try:
        text, check = path.read_text().rstrip("\n").rsplit("\n", 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if hashlib.sha256(text.encode()).hexdigest() != check:
        raise ValueError("not what was written")
    return cast("dict[str, Any]", json.loads(text))


def damaged(file: Path, why: str) -> DatasetError:
    """Return the error for a cache that is not what was written."""
    return DatasetError(
        f"The cache {file.parent} is damaged ({file.name}: {why}). Prepare again, which mends it: "
        "`al-lightning prepare` with the same name and options; or do without: --data.cache false."
    )


class CachedImages(Images):
    """A set of images and labels, decoded before.

    Data workers get the folder's path; what an index needs is mapped, so memory does not grow with the set.

    Args:
        directory: the cache.
        name: of the set, `train` or `test`.
        root: the dataset's folder, which the names begin with.
        source: the set that was cached, for what else a dataset may ask of it; it is not sent to data workers.
    """

    def __init__(self, directory: Path, name: str, root: Path, source: Images | None = None) -> None:
        self._directory = directory
        self._set = name
        self._root = str(root)
        self._source = source
        self._maps: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_source": None, "_maps": None}

    def __getattr__(self, name: str) -> Any:
        source = self.__dict__.get("_source")
        if source is None or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return getattr(source, name)

    def _open(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        if self._maps is None:
            rows, names = (self._directory / f"{self._set}.{kind}" for kind in ("rows.npy", "names"))
            try:
                # What is empty cannot be mapped. A view of the map, since the map's own class is slow.
                table = np.load(rows, mmap_mode="r").view(np.ndarray)
                text = np.memmap(names, np.uint8, "r").view(np.ndarray) if names.stat().st_size else np.empty(0, "u1")
            except (OSError, ValueError) as error:
                raise damaged(rows, str(error)) from error
            self._maps = table, text
        return self._maps

    def __len__(self) -> int:
        return len(self._open()[0])

    def _row(self, index: int) -> dict[str, int]:
        return dict(zip(COLUMNS, self._open()[0][index].tolist(), strict=True))

    def _read(self, shard: int, offset: int, shape: tuple[int, ...], crc: int) -> Array:
        path = self._directory / shard_file(self._set, shard)
        pixels: Array = np.empty(shape, np.uint8)
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(offset)
                whole = file.readinto(pixels.reshape(-1).data) == pixels.size
        except OSError as error:
            raise damaged(path, error.strerror or str(error)) from error
        if not whole or zlib.crc32(pixels.reshape(-1).data) != crc:
            raise damaged(path, "bytes are missing" if not whole else f"other bytes than were written, at {offset}")
        return pixels

    def image(self, index: int) -> Array:
        """Read the image."""
        row = self._row(index)
        return self._read(row["shard"], row["offset"], (row["height"], row["width"], 3), row["crc"])

    def label(self, index: int) -> int | Array:
        """Read the class or classes."""
        row = self._row(index)
        if row["label_height"] < 0:
            return row["label_width"]
        offset = row["offset"] + 3 * row["height"] * row["width"]
        return self._read(row["shard"], offset, (row["label_height"], row["label_width"]), row["label_crc"])

    def name(self, index: int) -> str:
        """Return the name that the image has without a cache."""
        row = self._row(index)
        start = row["name_offset"]
        return self._open()[1][start : start + row["name_bytes"]].tobytes().decode().replace(ROOT, self._root, 1)


def open_cache(directory: Path) -> dict[str, Any]:
    """Look a cache over and return its manifest: index files by SHA-256, shards by size; pixels when they are read.

    Raises:
        DatasetError: it is damaged; the message says what is.
    """
    manifest = directory / MANIFEST
    try:
        held = unseal(manifest)
    except ValueError as error:
        raise damaged(manifest, str(error)) from error
    for name in SETS:
        for kind, check in held[name]["index"].items():
            path = directory / f"{name}.{kind}"
            if not path.is_file() or digest_of(path) != check:
                raise damaged(path, "not what was written")
        for number, size in enumerate(held[name]["shards"]):
            path = directory / shard_file(name, number)
            length = path.stat().st_size if path.is_file() else None
            if length != size:
                raise damaged(path, "missing" if length is None else f"{length} bytes long, not {size}")
    return held


def find_cache(
    home: Path, recipe: Mapping[str, str], root: Path, sets: tuple[Images, Images]
) -> tuple[Images, Images] | None:
    """Return the training and the test set of a cache, and say so; None where there is none to use.

    Args:
        home: folder of the dataset's caches.
        recipe: what the pixels follow from.
        root: folder of the data.
        sets: training and test set as they lie in their files.

    Raises:
        DatasetError: the cache is damaged, or there are only caches of another format.
    """
    if recipe["files"] == NONE:
        return None
    directory = home / key_of(recipe)
    if not directory.is_dir():
        _say_what_is_there(home, directory, recipe)
        return None
    open_cache(directory)
    train, test = (CachedImages(directory, name, root, images) for name, images in zip(SETS, sets, strict=True))
    _say(f"{len(train)} images of the pool and {len(test)} for test come decoded from the cache {directory}")
    return train, test


def _say_what_is_there(home: Path, directory: Path, recipe: Mapping[str, str]) -> None:
    """Say that the nearest cache of the same class is stale, and why.

    Raises:
        DatasetError: it is of another format.
    """
    differences = []
    for manifest in sorted(home.glob(f"*/{MANIFEST}")):
        try:
            other = unseal(manifest)["recipe"]
        except (ValueError, KeyError):
            continue
        if other.get("format") != str(FORMAT):
            raise DatasetError(
                f"The cache {manifest.parent} is stale: it has format {other.get('format')}, and this version reads "
                f"format {FORMAT}. Delete it and prepare again, `al-lightning prepare` with the same name and options; "
                "or do without: --data.cache false."
            )
        if other.get("class") == recipe["class"] and manifest.parent.suffix != ".part":
            differences.append([part for part in recipe if other.get(part) != recipe[part]])
    if nearest := min(differences, key=len, default=[]):
        _say(
            f"{home} holds a stale cache ({' and '.join(nearest)} changed), so images are decoded from their files; "
            "`al-lightning prepare` makes the one for this run"
        )
    elif directory.with_suffix(".part").is_dir():
        _say(f"the cache {directory} is not finished, so images are decoded from their files")


@rank_zero_only
def _say(text: str) -> None:
    log.info(text)
