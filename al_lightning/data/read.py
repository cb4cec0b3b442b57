"""Reads every image and label of a set once, in parallel; files that cannot be read are listed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Dataset

from al_lightning.data.images import Images
from al_lightning.data.workers import start_method, was_ended
from al_lightning.duplicates.descriptor import Descriptor, describe
from al_lightning.duplicates.relation import Advance
from al_lightning.errors import ALError, MissingFile, SizesDiffer, UnknownLabel

VOID = 255
_CHUNK = 16
"""Images that a process reads at a time."""
UNREADABLE_IMAGE, UNREADABLE_LABEL = "unreadable image", "unreadable label"
MISSING, SIZES, UNKNOWN, VOID_MASK = "missing label", "sizes differ", "label id outside the mapping", "mask all void"
_KINDS: dict[type[Exception], str] = {MissingFile: MISSING, SizesDiffer: SIZES, UnknownLabel: UNKNOWN}
"""Errors of the readers, and the kind of problem that each is."""


@dataclass
class Contents:
    """What was read of a set, or of a part of a set.

    Attributes:
        pixels: (B,) int64, pixels of each class (images if labels are per image); B is at least 256.
        images: (B,) int64, images with each class.
        per_pixel: whether any label is per pixel.
        positions: positions of the readable images, ascending.
        descriptors: descriptors of the readable images.
        classes: class of each readable image; -1 without a readable label per image.
        sizes: number of images of each (height, width).
        troubles: (position, kind, sentence) of each problem, in the order of the images.
    """

    pixels: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    per_pixel: bool = False
    positions: list[int] = field(default_factory=list)
    descriptors: list[Descriptor] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    troubles: list[tuple[int, str, str]] = field(default_factory=list)

    @classmethod
    def empty(cls, num_classes: int) -> Contents:
        """Return the contents of no images."""
        bins = max(256, num_classes)
        return cls(np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=np.int64))

    def add(self, other: Contents) -> None:
        """Append the next part of the set."""
        for name in ("positions", "descriptors", "classes", "troubles"):
            getattr(self, name).extend(getattr(other, name))
        self.per_pixel |= other.per_pixel
        self.pixels += other.pixels
        self.images += other.images
        self.sizes.update(other.sizes)


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
            contents.troubles.append((index, UNREADABLE_IMAGE, self._sentence(index, error)))
            return
        shape = (image.shape[0], image.shape[1])
        contents.positions.append(index)
        contents.descriptors.append(descriptor)
        contents.sizes[shape] += 1
        contents.classes.append(self._label(index, shape, contents) if self.labelled else -1)

    def _label(self, index: int, shape: tuple[int, int], contents: Contents) -> int:
        """Count a label and return the image's class; -1 without a readable label per image."""
        try:
            label = np.asarray(self.images.label(index))
        except Exception as error:  # as above
            kind = _KINDS.get(type(error), UNREADABLE_LABEL)
            contents.troubles.append((index, kind, self._sentence(index, error)))
            return -1
        name = self.images.name(index)
        if label.ndim and label.shape != shape:
            sizes = f"{label.shape[0]} x {label.shape[1]}, the image {shape[0]} x {shape[1]}"
            contents.troubles.append((index, SIZES, f"The label of {name} is {sizes} (height x width)."))
            return -1
        outside = (label < 0) | (label >= self.num_classes)
        if label.ndim:
            outside &= label != VOID
        if outside.any():
            ids = ", ".join(str(value) for value in np.unique(label[outside])[:5])
            contents.troubles.append((index, UNKNOWN, f"The label of {name} has unknown label ids {ids}."))
            return -1
        contents.per_pixel |= label.ndim > 0
        counts = np.bincount(label.ravel(), minlength=len(contents.pixels))
        contents.pixels += counts
        contents.images += counts > 0
        if label.ndim and counts[VOID] == label.size:
            contents.troubles.append((index, VOID_MASK, f"The label of {name} is void (255) at every pixel."))
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
        ALError: a process that reads was killed.
    """
    contents, chunks = Contents.empty(num_classes), _Chunks(images, num_classes, labelled)
    # Processes, because all datasets support them; no dataset says whether it supports threads.
    workers = min(workers, len(chunks))
    loader = DataLoader(chunks, batch_size=None, num_workers=workers, multiprocessing_context=start_method(workers))
    try:
        for number, part in enumerate(loader, start=1):
            contents.add(part)
            advance(min(len(images), number * _CHUNK), len(images))
    except RuntimeError as error:
        if not was_ended(error):
            raise
        raise ALError(
            f"A process that reads images was killed ({error}), perhaps for lack of memory; run the same command with "
            "fewer processes: --data.workers."
        ) from error
    return contents
