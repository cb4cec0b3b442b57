"""The split of images into pool and test set where a dataset names no test set, as a run keeps it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from al_lightning.data.hold_out import Division, divide
from al_lightning.data.images import Images, time_order
from al_lightning.data.read import read
from al_lightning.data.remarks import Remark
from al_lightning.duplicates.descriptor import EDGES, GREY, Descriptor, Descriptors
from al_lightning.errors import DatasetError, require
from al_lightning.labels.content import count_of
from al_lightning.runs.files import read_small, write_text
from al_lightning.runs.seals import Seal

log = logging.getLogger(__name__)

Say = Callable[[str], object]
"""Called with a sentence for the user."""
Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""
FORMAT = 1
LARGEST = 512 << 20
"""Most bytes of a file of a split: two million names of 250 letters."""


@dataclass(frozen=True)
class Split:
    """Which images are held out. All others are the pool.

    Attributes:
        test: names of the test images.
        left_out: names of the images in neither set: near-duplicates of test images.
        remarks: how the test set was made, and what is wrong with it.
        origin: what the split is a function of, see `runs.seals.origin_of`: dataset, arguments, and names of images.
    """

    test: tuple[str, ...]
    left_out: tuple[str, ...]
    remarks: tuple[Remark, ...]
    origin: str

    @property
    def text(self) -> str:
        """The split as JSON."""
        remarks = [[remark.text, remark.warning] for remark in self.remarks]
        values = {"format": FORMAT, "test": self.test, "left_out": self.left_out, "remarks": remarks}
        return json.dumps(values, indent=0) + "\n"

    def positions(self, names: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the positions of pool and test set among the images of the given names.

        Raises:
            DatasetError: the split names an image that is not among them.
        """
        test, left_out = set(self.test), set(self.left_out)
        if unknown := (test | left_out) - set(names):
            raise DatasetError(f"There is no image {min(unknown)}, which was held out; put it back.")
        out = test | left_out
        pool = [place for place, name in enumerate(names) if name not in out]
        return pool, [place for place, name in enumerate(names) if name in test]


@dataclass(frozen=True)
class Reading:
    """How images are read for a division.

    Attributes:
        say: prints a line before images are read.
        progress: shows how far it is.
        workers: processes that read.
    """

    say: Say
    progress: Progress
    workers: int


def read_split(path: Path, origin: str) -> Split | None:
    """Return the split in a file; None where the file is not there, or is not what was written for this origin."""
    if not Seal(origin).fits(path):
        return None
    try:
        values = json.loads(read_small(path, LARGEST))
        if values["format"] != FORMAT:
            return None
        remarks = tuple(Remark(str(text), bool(warning)) for text, warning in values["remarks"])
        test, left_out = (tuple(map(str, values[name])) for name in ("test", "left_out"))
        return Split(test, left_out, remarks, origin)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_split(path: Path, split: Split) -> None:
    """Write a split and its seal; missing folders are made.

    Raises:
        ALError: it cannot be written.
    """
    write_text(path, split.text)
    Seal(split.origin).confirm(path)


def divide_images(
    images: Images, classes: Sequence[str], share: float, pattern: str | None, reading: Reading
) -> Division:
    """Read each image once and divide the set; see `divide`. An image that cannot be read counts as like no other."""
    require("data.test_share", share, above=0, below=1)
    paths = [PurePath(images.sources(index)[0]) for index in range(len(images))]
    time_order([path.stem for path in paths], pattern)  # a name that does not match is found before images are read
    reading.say(
        f"no test set is named, so one is held out: all {len(images):,} images are read once, to find near-duplicates"
    )
    contents = read(images, 0, False, reading.workers, partial(reading.progress, "reading images"))
    nothing = np.zeros(EDGES, dtype=np.int16), np.zeros(GREY, dtype=np.int16)
    described = [Descriptor(-1 - index, *nothing) for index in range(len(images))]
    for index, descriptor in zip(contents.positions, contents.descriptors, strict=True):
        described[index] = descriptor
    comparing = partial(reading.progress, "comparing images")
    division = divide(Descriptors.of(described), paths, classes, share, pattern, comparing)
    if contents.troubles:
        text = f"{count_of(len(contents.troubles), 'image')} could not be read: {contents.troubles[0][2]}"
        return division._replace(remarks=(*division.remarks, Remark(text)))
    return division
