"""Features on disk: a folder of whole blocks, which a killed process continues and whose damage is noticed.

A store is a folder, named by the hash of all that the features depend on:

    train.npy        (N, R) float16 or float32, a row for each image of the full training set
    test.npy         the same for the test set
    manifest.json    the key's parts, the rows' layouts, and the CRC-32 of each block; the last line is its SHA-256

While it is made, the folder is called NAME.part, and `blocks-RANK.jsonl` has a line for each block that a process has
written: set, number and CRC-32. A block is a batch of the encoder. It counts only if the file holds what its line says,
so that nothing needs to reach the disk in any order.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from al_lightning.data.cache.files import MANIFEST, with_checksum, without_checksum
from al_lightning.data.cache.recipe import key_of
from al_lightning.errors import ALError
from al_lightning.features.sets import FeatureSets, MappedFeatures
from al_lightning.networks.from_features import Layout
from al_lightning.runs.files import unwritable, write_atomic

FORMAT = 1
"""Format of a store's files, a part of its name: raised by hand when it changes."""
SETS = ("train", "test")
PIECE = 1 << 22
"""Bytes that are read at a time for a checksum."""
Blocks = dict[str, list[int]]
"""Numbers of blocks, ascending, by set."""
Checks = dict[tuple[str, int], int]
"""CRC-32 of each block, by set and number."""


@dataclass(frozen=True)
class Contents:
    """What a store holds.

    Attributes:
        key: all that the features depend on, texts by name.
        block: rows of a block; the last one of a set may have fewer.
        counts: number of rows, by set.
        layouts: parts of a row, by set.
        dtype: type of the numbers, float16 or float32.
    """

    key: Mapping[str, str]
    block: int
    counts: Mapping[str, int]
    layouts: Mapping[str, Layout]
    dtype: str

    def plain(self) -> dict[str, Any]:
        """Return the contents as JSON has them."""
        sets = {name: {"rows": self.counts[name], **self.layouts[name]._asdict()} for name in SETS}
        return {"format": FORMAT, "key": dict(self.key), "block": self.block, "dtype": self.dtype, "sets": sets}

    @property
    def name(self) -> str:
        """The name of the store's folder."""
        return key_of({"contents": json.dumps(self.plain(), sort_keys=True)})

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Contents:
        """Return the contents that JSON has; raise KeyError, TypeError or ValueError where it has none."""
        sets = plain["sets"]
        counts = {name: int(sets[name]["rows"]) for name in SETS}
        layouts = {
            name: Layout(
                tuple((each[0], each[1], each[2]) for each in sets[name]["maps"]),
                int(sets[name]["embedding"]),
                (sets[name]["size"][0], sets[name]["size"][1]),
            )
            for name in SETS
        }
        return cls(plain["key"], int(plain["block"]), counts, layouts, str(plain["dtype"]))

    @property
    def blocks(self) -> Blocks:
        """The numbers of all blocks."""
        return {name: list(range(-(-self.counts[name] // self.block))) for name in SETS}

    def rows(self, name: str, block: int) -> range:
        """Return the positions of a block's rows."""
        return range(block * self.block, min((block + 1) * self.block, self.counts[name]))

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return sum(self.counts[name] * self.row_bytes(name) for name in SETS)

    def row_bytes(self, name: str) -> int:
        """Return the bytes of a row of a set."""
        return self.layouts[name].width * np.dtype(self.dtype).itemsize


class Store:
    """A folder of features. One process calls `begin` and `finish`, several processes write blocks in between.

    Args:
        home: the folder of all stores.
        contents: what it holds.
    """

    def __init__(self, home: Path, contents: Contents) -> None:
        self.contents = contents
        self.path = home / contents.name
        self.work = self.path.with_suffix(".part")

    @classmethod
    def at(cls, path: Path) -> Store | None:
        """Return the finished store in a folder; None where it is damaged, or of another name than its contents'."""
        try:
            store = cls(path.parent, Contents.of(without_checksum(path / MANIFEST)))
        except (ValueError, KeyError, TypeError, IndexError):
            return None
        return store if store.path == path and not any(store.damaged().values()) else None

    def damaged(self) -> Blocks:
        """Read a finished store; return the numbers of damaged blocks, all of them where the manifest is damaged."""
        return self._unlike(self.path, _checks_of(self.path))

    def begin(self) -> Blocks:
        """Make the folder to write into, or take up an unfinished or damaged one; return the blocks to write.

        Raises:
            ALError: the folder cannot be written to.
        """
        try:
            checks = _checks_of(self.path)
            if self.path.is_dir():
                shutil.rmtree(self.work, ignore_errors=True)
                os.replace(self.path, self.work)
            self.work.mkdir(parents=True, exist_ok=True)
            journals = sorted(self.work.glob("blocks-*.jsonl"))
            for journal in journals:
                checks |= _lines_of(journal)
            for name in SETS:
                self._make_file(name)
            missing = self._unlike(self.work, checks)
            kept = [
                [name, block, checks[name, block]]
                for name, blocks in self.contents.blocks.items()
                for block in sorted({*blocks}.difference(missing[name]))
            ]
            text = "".join(f"{json.dumps(line)}\n" for line in kept)
            write_atomic(self._journal(0), lambda file: file.write(text.encode()))
            for path in [*journals, self.work / MANIFEST, *self.work.glob(".*.tmp")]:
                if path != self._journal(0):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise ALError(unwritable(error.filename or self.work, error)) from error
        return missing

    def _make_file(self, name: str) -> None:
        """Make the file of a set's rows, all zero; one that is there gets its whole length back."""
        path, header = self._file(self.work, name), self._header(name)
        size = len(header) + self.contents.counts[name] * self.contents.row_bytes(name)
        with self._opened(self.work, name) as there:
            if there is not None:
                os.truncate(path, size)
                return

        def write(file: BinaryIO) -> None:
            file.write(header)
            file.truncate(size)

        write_atomic(path, write)

    def write(self, name: str, block: int, values: npt.NDArray[Any], rank: int = 0) -> None:
        """Write a block, (rows, R); each process has a rank of its own.

        Raises:
            ALError: the disk is full, or the like; blocks that were written are kept.
        """
        path, content = self._file(self.work, name), np.ascontiguousarray(values).tobytes()
        try:
            with path.open("r+b", buffering=0) as file:
                file.seek(self._offset(name, block))
                rest = memoryview(content)
                while rest:
                    rest = rest[file.write(rest) :]
            with self._journal(rank).open("ab", buffering=0) as file:
                file.write(f"{json.dumps([name, block, zlib.crc32(content)])}\n".encode())
        except OSError as error:
            raise ALError(unwritable(path, error)) from error

    def finish(self) -> None:
        """Read all blocks back, write the manifest, and give the folder its name.

        Raises:
            ALError: the blocks are not what was written, or the folder cannot be written to.
        """
        checks: Checks = {}
        journals = sorted(self.work.glob("blocks-*.jsonl"))
        for journal in journals:
            checks |= _lines_of(journal)
        if any(wrong := self._unlike(self.work, checks).values()):
            raise ALError(
                f"{sum(map(len, wrong))} blocks in {self.work} are not what was written a moment ago; check the disk, "
                "and run the same command, which writes these again."
            )
        listed = {name: [checks[name, block] for block in blocks] for name, blocks in self.contents.blocks.items()}
        content = with_checksum({**self.contents.plain(), "checks": listed})
        try:
            for name in SETS:
                with self._file(self.work, name).open("rb") as file:
                    os.fsync(file.fileno())
            write_atomic(self.work / MANIFEST, lambda file: file.write(content))
            for journal in journals:
                journal.unlink()
            os.replace(self.work, self.path)
        except OSError as error:
            raise ALError(unwritable(error.filename or self.work, error)) from error

    def sets(self) -> FeatureSets:
        """Return the features of a finished store."""
        counts, layouts = self.contents.counts, self.contents.layouts
        train, test = (MappedFeatures(self._file(self.path, name), layouts[name], counts[name]) for name in SETS)
        return FeatureSets(train, test)

    def _unlike(self, folder: Path, checks: Checks) -> Blocks:
        """Return the blocks that have no checksum, or another one than the file's bytes give."""
        missing: Blocks = {}
        for name, blocks in self.contents.blocks.items():
            with self._opened(folder, name) as file:
                missing[name] = [
                    block
                    for block in blocks
                    if file is None or checks.get((name, block)) != self._crc(file, name, block)
                ]
        return missing

    @contextlib.contextmanager
    def _opened(self, folder: Path, name: str) -> Iterator[BinaryIO | None]:
        """Open the file of a set's rows; None where it is missing or no such file."""
        header = self._header(name)
        try:
            file = self._file(folder, name).open("rb")
        except OSError:
            yield None
            return
        with file:
            yield file if file.read(len(header)) == header else None

    def _crc(self, file: BinaryIO, name: str, block: int) -> int | None:
        """Return the CRC-32 of a block's bytes; None where some are missing."""
        left = len(self.contents.rows(name, block)) * self.contents.row_bytes(name)
        file.seek(self._offset(name, block))
        check = 0
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                return None
            check, left = zlib.crc32(piece, check), left - len(piece)
        return check

    def _offset(self, name: str, block: int) -> int:
        return len(self._header(name)) + block * self.contents.block * self.contents.row_bytes(name)

    def _header(self, name: str) -> bytes:
        """Return what a .npy file of a set's rows begins with."""
        out = io.BytesIO()
        shape = (self.contents.counts[name], self.contents.layouts[name].width)
        description = np.lib.format.dtype_to_descr(np.dtype(self.contents.dtype).newbyteorder("<"))
        np.lib.format.write_array_header_1_0(out, {"descr": description, "fortran_order": False, "shape": shape})
        return out.getvalue()

    def _file(self, folder: Path, name: str) -> Path:
        return folder / f"{name}.npy"

    def _journal(self, rank: int) -> Path:
        return self.work / f"blocks-{rank}.jsonl"


def _checks_of(folder: Path) -> Checks:
    """Return the checksums in a finished store's manifest; none where it is missing or damaged."""
    try:
        listed = without_checksum(folder / MANIFEST)["checks"]
    except (ValueError, KeyError):
        return {}
    return {(name, block): check for name in SETS for block, check in enumerate(listed[name])}


def _lines_of(journal: Path) -> Checks:
    """Return the checksums that a process has noted; a torn line is none."""
    checks: Checks = {}
    for line in journal.read_bytes().splitlines():
        with contextlib.suppress(ValueError, TypeError):
            name, block, check = json.loads(line)
            checks[str(name), int(block)] = int(check)
    return checks
