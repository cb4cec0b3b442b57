"""Reads every image and label of a set once, in parallel; files that cannot be read are listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from torch.utils.data import Dataset

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.images import Images
from al_lightning.data.workers import made_by
from al_lightning.duplicates.descriptor import Descriptor, describe
from al_lightning.duplicates.relation import Advance
from al_lightning.errors import ALError
from al_lightning.labels.content import (
    IGNORED,
    IMAGE_KINDS,
    KINDS,
    UNREADABLE_IMAGE,
    UNREADABLE_LABEL,
    VOID,
    LabelCounts,
    fault_of,
)

_CHUNK = 16
"""Images that a process reads at a time."""


@dataclass
class Contents:
    """What was read of a set, or of a part of a set.

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

    @classmethod
    def empty(cls, num_classes: int) -> Contents:
        """Return the contents of no images."""
        return cls(LabelCounts.empty(num_classes))

    def add(self, other: Contents) -> None:
        """Append the next part of the set."""
        for name in ("positions", "descriptors", "classes", "troubles"):
            getattr(self, name).extend(getattr(other, name))
        self.labels.add(other.labels)
        self.sizes.update(other.sizes)
        self.unlabelled += other.unlabelled


class _Chunks(Dataset[Contents]):
    """A set in chunks; a process of the loader reads one at a time."""

    def __init__(self, images: Images, num_classes: int, labelled: bool) -> None:
        self.images, self.num_classes, self.labelled = images, num_classes, labelled

    def __len__(self) -> int:
        return -(-len(self.images) // _CHUNK)

    def __getitem__(self, chunk: int) -> Contents:
        contents = Contents.empty(self.num_classes)
        for index in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(self.images))):
            self._image(index, contents)
        return contents

    def _image(self, index: int, contents: Contents) -> None:
        """Add an image and its label to the contents."""
        try:
            image = self.images.image(index)
            descriptor = describe(image)
        except Exception as error:  # a damaged file may raise anything: the audit lists it and continues
            kind = IMAGE_KINDS.get(type(error), UNREADABLE_IMAGE)
            contents.troubles.append((index, kind, self._sentence(index, error)))
            return
        shape = (image.shape[0], image.shape[1])
        contents.positions.append(index)
        contents.descriptors.append(descriptor)
        contents.sizes[shape] += 1
        contents.classes.append(self._label(index, shape, contents) if self.labelled else -1)

    def _label(self, index: int, shape: tuple[int, int], contents: Contents) -> int:
        """Count a label and return the image's class; -1 without a readable label per image."""
        if isinstance(self.images, AnnotatedImages) and not self.images.has_label(index):
            contents.unlabelled += 1
            return -1
        try:
            label = np.asarray(self.images.label(index))
        except Exception as error:  # as above
            kind = KINDS.get(type(error), UNREADABLE_LABEL)
            contents.troubles.append((index, kind, self._sentence(index, error)))
            return -1
        name = self.images.name(index)
        if fault := fault_of(label, shape, self.num_classes, name):
            contents.troubles.append((index, *fault))
            return -1
        contents.labels.add_label(label)
        if label.ndim and (label == IGNORED).all():
            contents.troubles.append((index, VOID, f"The label of {name} is void ({IGNORED}) at every pixel."))
        return -1 if label.ndim else int(label)

    def _sentence(self, index: int, error: Exception) -> str:
        name = self.images.name(index)
        return str(error) if isinstance(error, ALError) else f"{name}: {type(error).__name__}: {error}"


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
    contents, chunks = Contents.empty(num_classes), _Chunks(images, num_classes, labelled)
    made = made_by(min(workers, len(chunks)), chunks, "reads images")
    for number, part in enumerate(made, start=1):
        contents.add(part)
        advance(min(len(images), number * _CHUNK), len(images))
    return contents
