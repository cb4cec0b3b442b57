"""A survey of a dataset: every image's header and every label, and a sample of images as a whole, each looked at once.

It finds what would end a run later: files that cannot be read, labels with unknown ids or of another size, and labels
from which no network can learn. What was seen is kept (`PoolDataset.known_files`), so that another start, and other
runs on the same data, look at changed files alone. The result depends neither on that nor on the number of processes.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch.utils.data import Dataset

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ArrayImages, ImageFiles, Images
from al_lightning.data.known_files import KnownFiles, Stamp, stamp_of
from al_lightning.data.remarks import Remark
from al_lightning.data.workers import made_by
from al_lightning.duplicates.relation import Advance
from al_lightning.errors import ALError, DatasetError
from al_lightning.labels.content import (
    IMAGE_KINDS,
    KINDS,
    UNREADABLE_IMAGE,
    UNREADABLE_LABEL,
    WORDS,
    LabelCounts,
    absent_text,
    doubts,
    fault_of,
)
from al_lightning.seeding import generator

SETS: Mapping[str, str] = {"pool": "the pool", "test": "the test set"}
SAMPLE = 500
"""Image files of each set that are decoded."""
SAVED_EVERY = 10.0
"""Seconds between two writes of what was seen."""
NAMED = 3
"""Files that a refusal names."""
_CHUNK = 16
"""Images that a process looks at at a time."""
_ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
"""The last bytes of undamaged files; some programs write a little more after them."""
_TAIL = 4096


class Trouble(NamedTuple):
    """A file that a run cannot use: its kind (see `labels.content`), and a sentence."""

    kind: str
    text: str


class Seen(NamedTuple):
    """What a look at an image and its label showed.

    Attributes:
        size: (height, width) of the image, by its header; None where that does not tell.
        pixels: number of pixels of each class (the class alone where there is one per image); None without a label.
        per_pixel: whether the label has a class per pixel.
        troubles: what is wrong.
    """

    size: tuple[int, int] | None = None
    pixels: dict[int, int] | None = None
    per_pixel: bool = False
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Job:
    """An image to look at.

    Attributes:
        side: its set.
        index: its position.
        whole: whether it is decoded.
        new: whether its file was never looked at; otherwise only its label by people is.
        key: the name under which it is kept what is seen.
        stamp: of its files.
        own: whether its label is the dataset's own. Labels by people are not kept.
    """

    side: str
    index: int
    whole: bool
    new: bool
    key: str
    stamp: Stamp
    own: bool


@dataclass
class Survey:
    """The survey of a dataset. `begin` finds what has to be looked at, and `look` looks at it.

    Attributes:
        data: the dataset.
        known: what was seen before, and is seen now.
        jobs: what has to be looked at, by set and position.
        counts: counts of each set's labels.
        sizes: the first image of each (height, width), by set.
        unlabelled: images of each set without a label.
        troubles: what is wrong, in the order of sets and images.
    """

    data: PoolDataset
    known: KnownFiles
    jobs: list[Job] = field(default_factory=list)
    counts: dict[str, LabelCounts] = field(default_factory=dict)
    sizes: dict[str, dict[tuple[int, int], int]] = field(default_factory=dict)
    unlabelled: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)

    @classmethod
    def begin(cls, data: PoolDataset) -> Survey:
        """Return a survey that has counted what is known, and knows what is not."""
        survey = cls(data, data.known_files(how_labels_are_read(data)))
        for side, images, files in zip(SETS, (data.train, data.test), data.file_sets, strict=True):
            survey.counts[side], survey.sizes[side] = LabelCounts.empty(data.num_classes), {}
            if isinstance(files, ArrayImages):
                survey._count(side, files)
            else:
                survey._plan(side, images, files)
        return survey

    def _count(self, side: str, images: ArrayImages) -> None:
        """Count labels in memory, which takes no time."""
        counts, classes = self.counts[side], self.data.num_classes
        size = images.images.shape[1], images.images.shape[2]
        if images.labels.ndim > 1:
            for index, label in enumerate(images.labels):
                if fault := fault_of(label, size, classes, images.name(index)):
                    self.troubles.append(Trouble(*fault))
                else:
                    counts.add_label(label)
        elif fault := fault_of(images.labels, None, classes, SETS[side]):
            self.troubles.append(Trouble(*fault))
        else:
            counts.add_classes(images.labels)

    def _plan(self, side: str, images: Images, files: Images) -> None:
        """Count the labels that are known, and list all others."""
        sample = self._sample(side, files)
        for index in range(len(images)):
            labelled = images.has_label(index)
            self.unlabelled[side] += not labelled
            stamp = stamp_of(files.sources(index))
            if not stamp or (stamp[0] is None and not isinstance(files, ImageFiles)):
                continue  # in memory, or made by a program
            own = not (isinstance(images, AnnotatedImages) and images.is_stored(index))
            key = files.name(index) if own else f"{files.name(index)}, labelled by people"
            known = self.known.find(key, stamp)
            whole = index in sample and not (known and known["whole"])
            if known is None or whole or not own:
                self.jobs.append(Job(side, index, whole, known is None or whole, key, stamp, own))
            if known is not None and not whole:
                self._add(side, index, known["size"], known["pixels"], known["per_pixel"])

    def _add(
        self,
        side: str,
        index: int,
        size: Sequence[int] | None,
        pixels: Mapping[Any, int] | None,
        per_pixel: bool,
    ) -> None:
        """Count what was seen of an image and its label."""
        if size is not None:
            first = self.sizes[side].setdefault((size[0], size[1]), index)
            self.sizes[side][size[0], size[1]] = min(first, index)
        if pixels is not None:  # JSON has the classes as texts
            self.counts[side].add_pixels({int(value): count for value, count in pixels.items()}, per_pixel)

    def _sample(self, side: str, files: Images) -> set[int]:
        """Draw the images that are decoded: one of each drawn file, the same for every run."""
        first: dict[Path, int] = {}
        for index in range(len(files)):
            for path in files.sources(index)[:1]:
                first.setdefault(path, index)
        positions = list(first.values())
        drawn = generator(f"survey/{side}", len(positions)).permutation(len(positions))[:SAMPLE]
        return {positions[place] for place in drawn.tolist()}

    def look(self, workers: int, advance: Advance) -> None:
        """Look at what is not known, and keep what was seen.

        Args:
            workers: processes that look; 0 looks in this process.
            advance: called with (done, total) to show progress.

        Raises:
            ALError: a process that looks was killed.
        """
        looks = _Looks(self.data, self.jobs)
        workers = min(workers, len(looks) // 4)  # a few files are looked at sooner than a process starts
        done, saved = 0, time.monotonic()
        try:
            for seen in made_by(workers, looks, "looks at images"):
                for each in seen:
                    self._take(self.jobs[done], each)
                    done += 1
                advance(done, len(self.jobs))
                if time.monotonic() - saved > SAVED_EVERY:  # a signal ends the process at once
                    self.data.save_known_files()
                    saved = time.monotonic()
        finally:
            self.data.save_known_files()

    def _take(self, job: Job, seen: Seen) -> None:
        self.troubles += seen.troubles
        self._add(job.side, job.index, seen.size, seen.pixels, seen.per_pixel)
        if job.new and not seen.troubles:  # what is wrong is looked at again: a network's disk may have failed
            found: dict[str, Any] = {"size": seen.size, "whole": job.whole, "pixels": None, "per_pixel": False}
            if job.own:
                found |= {"pixels": seen.pixels, "per_pixel": seen.per_pixel}
            self.known.keep(job.key, job.stamp, found)

    def absent(self) -> list[Remark]:
        """Return which classes no label of a set has. Where labels are still to come, that is no warning."""
        names = self.data.class_names
        remarks = []
        for side, where in SETS.items():
            if text := absent_text(where, self.counts[side].absent(names)):
                remarks.append(Remark(text, warning=not self.unlabelled[side]))
        return remarks

    def doubts(self, side: str) -> list[str]:
        """Return why no network can learn from the labels of a set, or be tested on them; empty where it can."""
        return doubts(self.counts[side], self.data.class_names, SETS[side])

    def refusal(self) -> DatasetError:
        """Return the error for the troubles that were found: their number by kind, the first ones, and what helps."""
        kinds = Counter(trouble.kind for trouble in self.troubles)
        counts = ", ".join(f"{count:,} {_word(kind, count)}" for kind, count in kinds.items())
        texts = [trouble.text for trouble in self.troubles[:NAMED]]
        if (more := len(self.troubles) - NAMED) > 0:
            texts.append(f"And {more:,} more.")
        return DatasetError(
            f"Not all of the data in {self.data.root} can be used ({counts}). {' '.join(texts)} Nothing was trained "
            "yet: mend or replace such files, or take them out, and run the same command; other options may be given."
        )


def _word(kind: str, count: int) -> str:
    single, plural = WORDS.get(kind, (kind, f"{kind}s"))
    return single if count == 1 else plural


def how_labels_are_read(data: PoolDataset) -> str:
    """Return a hash of all that labels depend on besides their files."""
    how = (type(data).__module__, type(data).__qualname__, data.pixels, sorted(data.arguments.items()), data.details())
    return hashlib.sha256(repr((*how, list(data.class_names), data.is_binary)).encode()).hexdigest()[:16]


class _Looks(Dataset[list[Seen]]):
    """Jobs in chunks; a process of the loader does one at a time."""

    def __init__(self, data: PoolDataset, jobs: Sequence[Job]) -> None:
        self.sets = dict(zip(SETS, zip((data.train, data.test), data.file_sets, strict=True), strict=True))
        self.num_classes = data.num_classes
        self.jobs = jobs

    def __len__(self) -> int:
        return -(-len(self.jobs) // _CHUNK)

    def __getitem__(self, chunk: int) -> list[Seen]:
        return [self._look(job) for job in self.jobs[chunk * _CHUNK : (chunk + 1) * _CHUNK]]

    def _look(self, job: Job) -> Seen:
        images, files = self.sets[job.side]
        name = images.name(job.index)
        size = shape = None
        try:
            size = files.check(job.index)
            if job.whole or (job.new and _seems_cut(files.sources(job.index)[0])):
                image = images.image(job.index)
                shape = image.shape[0], image.shape[1]
        except Exception as error:  # a dataset of the user's own may raise anything
            return Seen(troubles=(Trouble(IMAGE_KINDS.get(type(error), UNREADABLE_IMAGE), _sentence(name, error)),))
        if not images.has_label(job.index):
            return Seen(size)
        try:
            label = np.asarray(images.label(job.index))
        except Exception as error:  # as above
            return Seen(size, troubles=(Trouble(KINDS.get(type(error), UNREADABLE_LABEL), _sentence(name, error)),))
        if fault := fault_of(label, shape, self.num_classes, name):
            return Seen(size, troubles=(Trouble(*fault),))
        values, counts = np.unique(label, return_counts=True)
        return Seen(size, dict(zip(values.tolist(), counts.tolist(), strict=True)), label.ndim > 0)


def _seems_cut(path: Path) -> bool:
    """Return whether a PNG or a JPEG lacks its end, as an unfinished download does; decoding tells for sure."""
    end = _ENDS.get(path.suffix.lower())
    if end is None:
        return False
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _TAIL))
        return end not in file.read()


def _sentence(name: str, error: Exception) -> str:
    return str(error) if isinstance(error, ALError) else f"{name}: {type(error).__name__}: {error}."
