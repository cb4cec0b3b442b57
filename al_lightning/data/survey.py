"""A survey of a dataset: every image's header and every label, and a sample of images as a whole, each looked at once.

It finds what would end a run later: files that cannot be read, labels with unknown ids or of another size, and labels
from which no network can learn. What was seen is kept (`PoolDataset.known_files`), so that another start, and other
runs on the same data, look at changed files alone. The result depends neither on that nor on the number of processes.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import ArrayImages, ImageFiles, Images
from al_lightning.data.known_files import DECODED, KnownFiles, Stamp, stamp_of
from al_lightning.data.looks import Look, Trouble, look_at_label, unreadable
from al_lightning.data.remarks import Remark
from al_lightning.data.workers import CHUNK, made_in_chunks
from al_lightning.duplicates.relation import Advance
from al_lightning.errors import DatasetError
from al_lightning.labels.content import WORDS, LabelCounts, absent_text, count_of, doubts, fault_of
from al_lightning.seeding import generator

SETS: Mapping[str, str] = {"pool": "the pool", "test": "the test set"}
SAMPLE = 500
"""Image files of each set that are decoded."""
SAVED_EVERY = 10.0
"""Seconds between two writes of what was seen."""
NAMED = 3
"""Files that a refusal names."""
_ENDS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
"""The last bytes of undamaged files; some programs write a little more after them."""
_TAIL = 4096


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
        decoded = self.data.known_files(DECODED)  # by the split, which reads all images
        for index in range(len(images)):
            labelled = images.has_label(index)
            self.unlabelled[side] += not labelled
            stamp = stamp_of(files.sources(index))
            if not stamp or (stamp[0] is None and not isinstance(files, ImageFiles)):
                continue  # in memory, or made by a program
            own = not (isinstance(images, AnnotatedImages) and images.is_stored(index))
            key = files.name(index) if own else f"{files.name(index)}, labelled by people"
            known = self.known.find(key, stamp)
            before = decoded.find(str(files.sources(index)[0]), stamp[:1])
            whole = not (known and known["whole"]) and (index in sample if before is None else not before)
            if known is None or whole or not own:
                self.jobs.append(Job(side, index, whole, known is None or whole, key, stamp, own))
            if known is not None and not whole:
                self._add(side, index, known)

    def _add(self, side: str, index: int, found: Mapping[str, Any]) -> None:
        """Count what was seen of an image and its label, as it is kept."""
        if (size := found["size"]) is not None:
            sizes, key = self.sizes[side], (size[0], size[1])
            sizes[key] = min(index, sizes.get(key, index))
        if (pixels := found["pixels"]) is not None:  # JSON has the classes as texts
            self.counts[side].add_pixels({int(value): count for value, count in pixels.items()}, found["per_pixel"])

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
        workers = min(workers, len(self.jobs) // (4 * CHUNK))  # a few files are looked at sooner than a process starts
        saved = time.monotonic()
        try:
            looks = made_in_chunks(workers, _Looker(self.data), self.jobs, "looks at images", advance)
            for job, look in zip(self.jobs, looks, strict=True):
                self._take(job, look)
                if time.monotonic() - saved > SAVED_EVERY:  # a signal ends the process at once
                    self.data.save_known_files()
                    saved = time.monotonic()
        finally:
            self.data.save_known_files()

    def _take(self, job: Job, look: Look) -> None:
        if look.trouble is not None:
            self.troubles.append(look.trouble)
        found = {"size": look.size, "whole": job.whole, "pixels": look.pixels, "per_pixel": look.per_pixel}
        self._add(job.side, job.index, found)
        if job.new and look.trouble is None:  # what is wrong is looked at again: a network's disk may have failed
            self.known.keep(job.key, job.stamp, found if job.own else {**found, "pixels": None, "per_pixel": False})

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
        counts = ", ".join(count_of(count, *WORDS.get(kind, (kind,))) for kind, count in kinds.items())
        texts = [trouble.text for trouble in self.troubles[:NAMED]]
        if (more := len(self.troubles) - NAMED) > 0:
            texts.append(f"And {more:,} more.")
        return DatasetError(
            f"Not all of the data in {self.data.root} can be used ({counts}). {' '.join(texts)} Nothing was trained "
            "yet: mend or replace such files, or take them out, and run the same command; other options may be given."
        )


def how_labels_are_read(data: PoolDataset) -> str:
    """Return a hash of all that labels depend on besides their files."""
    how = sorted(data.maker().items()), data.details(), list(data.class_names), data.is_binary
    return hashlib.sha256(repr(how).encode()).hexdigest()[:16]


class _Looker:
    """Looks at an image and its label."""

    def __init__(self, data: PoolDataset) -> None:
        self.sets = dict(zip(SETS, zip((data.train, data.test), data.file_sets, strict=True), strict=True))
        self.num_classes = data.num_classes

    def __call__(self, job: Job) -> Look:
        images, files = self.sets[job.side]
        shape = None
        try:
            size = files.check(job.index)
            if job.whole or (job.new and _seems_cut(files.sources(job.index)[0])):
                image = images.image(job.index)
                shape = image.shape[0], image.shape[1]
        except Exception as error:  # a dataset of the user's own may raise anything
            return unreadable(images.name(job.index), error)
        return look_at_label(images, job.index, shape, self.num_classes)._replace(size=size)


def _seems_cut(path: Path) -> bool:
    """Return whether a PNG or a JPEG lacks its end, as an unfinished download does; decoding tells for sure."""
    end = _ENDS.get(path.suffix.lower())
    if end is None:
        return False
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _TAIL))
        return end not in file.read()
