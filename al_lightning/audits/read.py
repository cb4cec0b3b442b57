"""Reading every image and label of a set once, in parallel; what cannot be read is listed, and the rest goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Dataset

from al_lightning.data.images import Images
from al_lightning.data.workers import was_ended
from al_lightning.duplicates.descriptor import Descriptor, describe
from al_lightning.errors import ALError, MissingFile, SizesDiffer, UnknownLabel

VOID = 255
_CHUNK = 16
UNREADABLE_IMAGE, UNREADABLE_LABEL = "unreadable image", "unreadable label"
MISSING, SIZES, UNKNOWN, VOID_MASK = "missing label", "sizes differ", "label id outside the mapping", "mask all void"
_KINDS: dict[type[Exception], str] = {MissingFile: MISSING, SizesDiffer: SIZES, UnknownLabel: UNKNOWN}
"""Errors of the readers, and the kind of trouble that each is."""


@dataclass(frozen=True)
class Trouble:
    """Something wrong with one image: its position, the kind, and a sentence."""

    index: int
    kind: str
    text: str


@dataclass
class Contents:
    """What was read of a set, or of a part of it.

    Attributes:
        per_pixel: whether there was a label with a class per pixel.
        positions: of the images that could be read, ascending.
        descriptors: of them.
        classes: for each of them its class, where there is one per image and it could be read; else -1.
        pixels: (B,) int64, pixels of each class (images where there is a class per image); B is at least 256.
        images: (B,) int64, images in which each class occurs.
        sizes: how many images have which (height, width).
        troubles: what was wrong, image by image.
    """

    pixels: npt.NDArray[np.int64]
    images: npt.NDArray[np.int64]
    per_pixel: bool = False
    positions: list[int] = field(default_factory=list)
    descriptors: list[Descriptor] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)

    @classmethod
    def empty(cls, num_classes: int) -> Contents:
        """Return what was read before anything was."""
        bins = max(256, num_classes)
        return cls(np.zeros(bins, dtype=np.int64), np.zeros(bins, dtype=np.int64))

    def add(self, other: Contents) -> None:
        """Append what was read of the next part."""
        for name in ("positions", "descriptors", "classes", "troubles"):
            getattr(self, name).extend(getattr(other, name))
        self.per_pixel |= other.per_pixel
        self.pixels += other.pixels
        self.images += other.images
        self.sizes.update(other.sizes)


class _Chunks(Dataset[Contents]):
    """A set in chunks, each read in one of the loader's processes."""

    def __init__(self, images: Images, num_classes: int, labelled: bool) -> None:
        self.images, self.num_classes, self.labelled = images, num_classes, labelled

    def __len__(self) -> int:
        return -(-len(self.images) // _CHUNK)

    def __getitem__(self, chunk: int) -> Contents:
        contents = Contents.empty(self.num_classes)
        for index in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, len(self.images))):
            read_one(self.images, index, self.num_classes, self.labelled, contents)
        return contents


def read(
    images: Images,
    num_classes: int,
    labelled: bool = True,
    workers: int = 0,
    advance: Callable[[int, int], None] | None = None,
) -> Contents:
    """Read a set; the outcome does not depend on `workers`.

    Args:
        images: the set.
        num_classes: C; a label is below, or 255.
        labelled: read labels too.
        workers: processes that read; 0 reads here.
        advance: is told of progress.
    """
    contents = Contents.empty(num_classes)
    for part in _parts(_Chunks(images, num_classes, labelled), workers):
        contents.add(part)
        if advance is not None:
            advance(min(len(images), len(contents.positions) + _unread(contents.troubles)), len(images))
    return contents


def _parts(chunks: _Chunks, workers: int) -> Iterator[Contents]:
    # Every dataset is made to be read by a loader's processes; whether threads may read one, none says.
    try:
        yield from DataLoader(chunks, batch_size=None, num_workers=min(workers, len(chunks)), collate_fn=_as_it_is)
    except RuntimeError as error:
        if not was_ended(error):
            raise
        raise ALError(
            f"A process that reads was ended from outside ({error}), perhaps for want of memory; run the same command "
            "with fewer of them: --data.workers."
        ) from error


def _as_it_is(part: Any) -> Any:
    return part


def _unread(troubles: Sequence[Trouble]) -> int:
    return len({trouble.index for trouble in troubles if trouble.kind == UNREADABLE_IMAGE})


def read_one(images: Images, index: int, num_classes: int, labelled: bool, into: Contents) -> None:
    """Read an image and its label into what was read before them."""
    try:
        image = images.image(index)
        descriptor = describe(image)
    except Exception as error:  # whatever a file can do to a decoder: the audit lists it and goes on
        into.troubles.append(Trouble(index, UNREADABLE_IMAGE, _sentence(images, index, error)))
        return
    shape = (image.shape[0], image.shape[1])
    into.positions.append(index)
    into.descriptors.append(descriptor)
    into.sizes[shape] += 1
    into.classes.append(_label(images, index, shape, num_classes, into) if labelled else -1)


def _label(images: Images, index: int, shape: tuple[int, int], num_classes: int, into: Contents) -> int:
    """Count a label and return the image's class, or -1 where it has none or several."""
    try:
        label = np.asarray(images.label(index))
    except Exception as error:  # likewise
        kind = _KINDS.get(type(error), UNREADABLE_LABEL)
        into.troubles.append(Trouble(index, kind, _sentence(images, index, error)))
        return -1
    name = images.name(index)
    if label.ndim and label.shape != shape:
        sizes = f"{label.shape[0]} x {label.shape[1]}, the image {shape[0]} x {shape[1]}"
        into.troubles.append(Trouble(index, SIZES, f"The label of {name} is {sizes} (height x width)."))
        return -1
    outside = (label < 0) | (label >= num_classes)
    if label.ndim:
        outside &= label != VOID
    if outside.any():
        ids = ", ".join(str(value) for value in np.unique(label[outside])[:5])
        into.troubles.append(Trouble(index, UNKNOWN, f"The label of {name} has unknown label ids {ids}."))
        return -1
    into.per_pixel |= label.ndim > 0
    counts = np.bincount(label.ravel(), minlength=len(into.pixels))
    into.pixels += counts
    into.images += counts > 0
    if label.ndim and counts[VOID] == label.size:
        into.troubles.append(Trouble(index, VOID_MASK, f"The label of {name} says ignore at every pixel."))
    return -1 if label.ndim else int(label)


def _sentence(images: Images, index: int, error: Exception) -> str:
    return str(error) if isinstance(error, ALError) else f"{images.name(index)}: {type(error).__name__}: {error}"
