"""Shards of a cache: files of 64 decoded images, each written whole or not at all by `al-lightning prepare`."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from torch.utils.data import Dataset

from al_lightning.data.cache.files import ROOT, shard_file, with_checksum, without_checksum
from al_lightning.data.images import Array, Images
from al_lightning.errors import ALError
from al_lightning.runs.files import write_atomic
from al_lightning.runs.seals import digest_of

SIZE = 64
"""Images of a shard: the work that a killed process loses."""


def jobs_of(sources: dict[str, Images]) -> list[Job]:
    """Return a job for each shard of each set, in the order of the images."""
    return [
        Job(name, number, range(start, min(start + SIZE, len(images))))
        for name, images in sources.items()
        for number, start in enumerate(range(0, len(images), SIZE))
    ]


@dataclass(frozen=True)
class Job:
    """A shard to make: the name of its set, its number, and the positions of its images."""

    name: str
    number: int
    indices: range

    def paths(self, directory: Path) -> tuple[Path, Path]:
        """Return the files of the shard's pixels and record."""
        path = directory / shard_file(self.name, self.number)
        return path, path.with_suffix(".json")


@dataclass
class Done:
    """The result of a job.

    Attributes:
        images: number of images of the shard.
        kept: whether the shard was there and undamaged.
        unusable: (name, reason) of images that cannot be used; with any, the shard is not written.
        fault: the system's error, for example a full disk; empty without one.
    """

    images: int
    kept: bool = False
    unusable: list[tuple[str, str]] = field(default_factory=list)
    fault: str = ""


class Shards(Dataset[Done]):
    """Makes shards of sets as its items, or only checks them where `sources` is None.

    This is done in data workers, which end when their parent is killed.
    """

    def __init__(self, directory: Path, sources: dict[str, Images] | None, root: str, jobs: Sequence[Job]) -> None:
        self.directory = directory
        self.sources = sources
        self.root = root
        self.jobs = jobs

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, number: int) -> Done:
        job = self.jobs[number]
        if record_of(self.directory, job) is not None:
            return Done(len(job.indices), kept=True)
        if self.sources is None:
            return Done(len(job.indices))
        return self._make(job, self.sources[job.name])

    def _make(self, job: Job, images: Images) -> Done:
        pixels, record = job.paths(self.directory)
        done, shard = Done(len(job.indices)), _Shard(job.number, self.root)

        def write(file: BinaryIO) -> None:
            for index in job.indices:
                if reason := shard.add(images, index, None if done.unusable else file):
                    done.unusable.append((images.name(index), reason))
            if done.unusable:
                raise _UnusableError

        try:
            write_atomic(pixels, write)
            write_atomic(record, lambda file: file.write(with_checksum(shard.record())))
        except _UnusableError:
            pass
        except (ALError, OSError) as error:
            done.fault = str(error)
        return done


class _UnusableError(Exception):
    """A shard has images that cannot be used; it is not written."""


class _Shard:
    """Rows and names of a shard while it is written."""

    def __init__(self, number: int, root: str) -> None:
        self.number = number
        self.root = root
        self.rows: list[list[int]] = []
        self.names: list[str] = []
        self.size = 0
        self.digest = hashlib.sha256()

    def add(self, images: Images, index: int, file: BinaryIO | None) -> str:
        """Decode an image and write it to the file, if any; return the reason why it cannot be used, or ""."""
        try:
            image, name = images.image(index), images.name(index)
            # Where people label, an image may have no label yet.
            label = images.label(index) if images.has_label(index) else 255
        except ALError as error:
            return str(error)
        except Exception as error:  # a dataset of the user's own may raise anything
            return f"{type(error).__name__}: {error}"
        if not _is_pixels(image, 3) or image.shape[2] != 3:
            return "image() must return an array (H, W, 3) uint8"
        if not isinstance(label, int) and not _is_pixels(label, 2):
            return "label() must return an int or an array (H, W) uint8"
        if file is not None:
            row = [self.number, self.size, *image.shape[:2], self._write(image, file)]
            row += [-1, int(label), 0] if isinstance(label, int) else [*label.shape, self._write(label, file)]
            self.rows.append(row)
            self.names.append(ROOT + name.removeprefix(self.root) if name.startswith(self.root) else name)
        return ""

    def _write(self, pixels: Array, file: BinaryIO) -> int:
        content = np.ascontiguousarray(pixels).tobytes()
        file.write(content)
        self.size += len(content)
        self.digest.update(content)
        return zlib.crc32(content)

    def record(self) -> dict[str, Any]:
        """Return the content of the shard's JSON file."""
        return {"bytes": self.size, "sha256": self.digest.hexdigest(), "rows": self.rows, "names": self.names}


def _is_pixels(value: object, dimensions: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == dimensions


def record_of(directory: Path, job: Job) -> dict[str, Any] | None:
    """Return a shard's record; None where the shard or its record is missing or damaged."""
    pixels, path = job.paths(directory)
    try:
        record = without_checksum(path)
        whole = pixels.stat().st_size == record["bytes"] and digest_of(pixels) == record["sha256"]
    except (OSError, ValueError, KeyError):
        return None
    return record if whole and len(record["rows"]) == len(job.indices) else None
