"""Reads every image and label of a set once, in parallel; files that cannot be read are listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from al_lightning.data.images import Images
from al_lightning.data.looks import Look, look_at_label, unreadable
from al_lightning.data.workers import made_in_chunks
from al_lightning.duplicates.descriptor import Descriptor, describe
from al_lightning.duplicates.relation import Advance
from al_lightning.labels.content import IGNORED, VOID, LabelCounts


@dataclass
class Contents:
    """What was read of a set.

    Attributes:
        labels: counts of the labels.
        positions: positions of the readable images, ascending.
        descriptors: descriptors of the readable images.
        classes: class of each readable image; -1 without a readable label per image.
        sizes: number of images of each (height, width).
        unlabelled: number of readable images that people have not labelled yet.
        troubles: (position, kind, sentence) of each problem, in the order of the images.
    """

    labels: LabelCounts
    positions: list[int] = field(default_factory=list)
    descriptors: list[Descriptor] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    unlabelled: int = 0
    troubles: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, index: int, name: str, look: Look, labelled: bool) -> None:
        """Add what was seen of the next image."""
        if look.trouble is not None:
            self.troubles.append((index, *look.trouble))
        if look.descriptor is None or look.size is None:
            return
        self.positions.append(index)
        self.descriptors.append(look.descriptor)
        self.sizes[look.size] += 1
        self.classes.append(-1 if look.pixels is None or look.per_pixel else next(iter(look.pixels)))
        if look.pixels is not None:
            self.labels.add_pixels(look.pixels, look.per_pixel)
        elif labelled and look.trouble is None:
            self.unlabelled += 1
        if look.per_pixel and look.pixels is not None and look.pixels.keys() == {IGNORED}:
            self.troubles.append((index, VOID, f"The label of {name} is void ({IGNORED}) at every pixel."))


@dataclass(frozen=True)
class _Reader:
    """Reads an image, and its label where labels are read."""

    images: Images
    num_classes: int
    labelled: bool

    def __call__(self, index: int) -> Look:
        try:
            image = self.images.image(index)
            descriptor = describe(image)
        except Exception as error:  # a damaged file may raise anything: the audit lists it and continues
            return unreadable(self.images.name(index), error)
        size = image.shape[0], image.shape[1]
        look = look_at_label(self.images, index, size, self.num_classes) if self.labelled else Look()
        return look._replace(size=size, descriptor=descriptor)


def read(images: Images, num_classes: int, labelled: bool, workers: int, advance: Advance) -> Contents:
    """Read a set; the result does not depend on `workers`.

    Args:
        images: the set.
        num_classes: C; labels are below C, or 255.
        labelled: whether to read labels.
        workers: processes that read; 0 reads in this process.
        advance: called with (done, total) to show progress.

    Raises:
        ALError: a process that reads was killed, or cannot start.
    """
    contents, reader = Contents(LabelCounts.empty(num_classes)), _Reader(images, num_classes, labelled)
    looks = made_in_chunks(workers, reader, range(len(images)), "reads images", advance)
    for index, look in enumerate(looks):
        contents.add(index, images.name(index), look, labelled)
    return contents
