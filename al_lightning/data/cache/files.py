"""Decoded images and labels in flat files, which `al-lightning prepare` writes and runs read.

A cache is a folder, named by its recipe's hash:

    manifest.json    the recipe, the hashes of the index, and the sizes of the shards; the last line is its SHA-256
    train_00000.bin  64 images: the pixels of each (H x W x 3 bytes), then its class per pixel, if there is one
    train_00000.json the shard's rows, names and SHA-256, from which a killed `prepare` continues
    train.rows.npy   (N, 10) int64, one row per image; see `COLUMNS`
    train.names      the images' names, concatenated, UTF-8
    test...          the same for the test set

Images are read, not mapped. Reading 256 x 512 pixels into a new array took 0.02 ms, and a copy from a map 0.01 ms (PNG
of the same size took 3.4 ms, and 52 ms to decode and resize 1920 x 1208). But a truncated file gives a short read, and
ends a process that maps it. Each read is checked by CRC-32 (0.09 ms). Only rows and names are mapped.
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
    "label_height",  # -1 where the image has one class
    "label_width",  # that class, where the image has one
    "label_crc",
    "name_offset",
    "name_bytes",
)
SETS = ("train", "test")
MANIFEST = "manifest.json"
ROOT = "\0"
"""Placeholder in names for the dataset's folder, which may be moved."""


def shard_file(name: str, number: int) -> str:
    """Return the file name of a set's shard."""
    return f"{name}_{number:05d}.bin"


def with_checksum(content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file: a line of JSON, and a line with the SHA-256 of the first."""
    text = json.dumps(content)
    return f"{text}\n{hashlib.sha256(text.encode()).hexdigest()}\n".encode()


def without_checksum(path: Path) -> dict[str, Any]:
    """Return the content of a file of `with_checksum`; raise ValueError where the file is missing or damaged."""
    try:
        text, check = path.read_text().rstrip("\n").rsplit("\n", 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if hashlib.sha256(text.encode()).hexdigest() != check:
        raise ValueError("not what was written")
    return cast("dict[str, Any]", json.loads(text))


def damaged(file: Path, why: str) -> DatasetError:
    """Return the error for a damaged cache."""
    return DatasetError(
        f"The cache {file.parent} is damaged ({file.name}: {why}). Prepare again, which repairs it: "
        "`al-lightning prepare` with the same name and options; or use no cache: --data.cache false."
    )


class CachedImages(Images):
    """A set of decoded images and labels.

    Rows and names are mapped, so that memory does not grow with the set; data workers map them again.

    Args:
        directory: the cache.
        name: name of the set, `train` or `test`.
        root: the dataset's folder, which the names begin with.
        source: the set that was cached, for its further attributes; it is not sent to data workers.
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
                # An empty file cannot be mapped. Views of the maps, since np.memmap itself is slow.
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
        """Return the image's name without a cache."""
        row = self._row(index)
        start = row["name_offset"]
        return self._open()[1][start : start + row["name_bytes"]].tobytes().decode().replace(ROOT, self._root, 1)


def fault_of(directory: Path) -> tuple[Path, str] | None:
    """Check index files by SHA-256 and shards by size; return the first damaged file, and what is wrong with it."""
    path = directory / MANIFEST
    try:
        manifest = without_checksum(path)
    except ValueError as error:
        return path, str(error)
    for name in SETS:
        for kind, check in manifest[name]["index"].items():
            path = directory / f"{name}.{kind}"
            if not path.is_file() or digest_of(path) != check:
                return path, "not what was written"
        for number, size in enumerate(manifest[name]["shards"]):
            path = directory / shard_file(name, number)
            length = path.stat().st_size if path.is_file() else None
            if length != size:
                return path, "missing" if length is None else f"{length} bytes long, not {size}"
    return None


def find_cache(
    home: Path, recipe: Mapping[str, str], root: Path, sets: tuple[Images, Images]
) -> tuple[Images, Images] | None:
    """Return the training and the test set of the cache of a recipe, and log it; None without such a cache.

    Raises:
        DatasetError: the cache is damaged, or there are only caches of another format.
    """
    if recipe["files"] == NONE:
        return None
    directory = home / key_of(recipe)
    if not directory.is_dir():
        _report_stale(home, directory, recipe)
        return None
    if fault := fault_of(directory):
        raise damaged(*fault)
    train, test = (CachedImages(directory, name, root, images) for name, images in zip(SETS, sets, strict=True))
    _say(f"{len(train)} images of the pool and {len(test)} for test come decoded from the cache {directory}")
    return train, test


def _report_stale(home: Path, directory: Path, recipe: Mapping[str, str]) -> None:
    """Log how the most similar cache of the same class differs; raise DatasetError for a cache of another format."""
    differences = []
    for manifest in sorted(home.glob(f"*/{MANIFEST}")):
        try:
            other = without_checksum(manifest)["recipe"]
        except (ValueError, KeyError):
            continue
        if other.get("format") != str(FORMAT):
            raise DatasetError(
                f"The cache {manifest.parent} is stale: it has format {other.get('format')}, and this version reads "
                f"format {FORMAT}. Delete it and prepare again, `al-lightning prepare` with the same name and options; "
                "or use no cache: --data.cache false."
            )
        # The class has another name where its module was moved or renamed.
        same = any(other.get(part) == recipe[part] for part in ("class", "fingerprint"))
        if same and manifest.parent.suffix != ".part":
            differences.append([part for part in recipe if other.get(part) != recipe[part]])
    if nearest := min(differences, key=len, default=[]):
        _say(
            f"{home} holds a stale cache ({' and '.join(nearest)} changed), so images are decoded from their files; "
            "`al-lightning prepare` makes a new cache"
        )
    elif directory.with_suffix(".part").is_dir():
        _say(f"the cache {directory} is not finished, so images are decoded from their files")


@rank_zero_only
def _say(text: str) -> None:
    log.info(text)
