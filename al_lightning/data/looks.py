"""A look at an image and its label: what they hold, and what is wrong with them. Survey, audit and split look so."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.images import Images
from al_lightning.duplicates.descriptor import Descriptor
from al_lightning.errors import ALError
from al_lightning.labels.content import IMAGE_KINDS, KINDS, UNREADABLE_IMAGE, UNREADABLE_LABEL, fault_of


class Trouble(NamedTuple):
    """A file that cannot be used: the kind of trouble (see `labels.content`), and a sentence."""

    kind: str
    text: str


class Look(NamedTuple):
    """What a look at an image and its label showed.

    Attributes:
        size: (height, width) of the image; None where that is not known.
        pixels: number of pixels of each class (the class alone where there is one per image); None without a label.
        per_pixel: whether the label has a class per pixel.
        trouble: what is wrong.
        descriptor: the image's, where it was asked for.
    """

    size: tuple[int, int] | None = None
    pixels: dict[int, int] | None = None
    per_pixel: bool = False
    trouble: Trouble | None = None
    descriptor: Descriptor | None = None


def look_at_label(images: Images, index: int, shape: tuple[int, int] | None, num_classes: int) -> Look:
    """Look at a label; one that people have not drawn yet is no trouble.

    Args:
        images: the set.
        index: position of the image.
        shape: (H, W) of the image, where it was decoded.
        num_classes: C; classes are below C, and pixels may be 255.
    """
    if isinstance(images, AnnotatedImages) and not images.has_label(index):
        return Look()
    name = images.name(index)
    try:
        label = np.asarray(images.label(index))
    except Exception as error:  # a dataset of the user's own may raise anything
        return Look(trouble=Trouble(KINDS.get(type(error), UNREADABLE_LABEL), _sentence(name, error)))
    if fault := fault_of(label, shape, num_classes, name):
        return Look(trouble=Trouble(*fault))
    counts = np.bincount(label.ravel())
    return Look(pixels={int(value): int(counts[value]) for value in np.flatnonzero(counts)}, per_pixel=label.ndim > 0)


def unreadable(name: str, error: Exception) -> Look:
    """Return the look at an image whose reader raised an error, of whatever kind."""
    return Look(trouble=Trouble(IMAGE_KINDS.get(type(error), UNREADABLE_IMAGE), _sentence(name, error)))


def _sentence(name: str, error: Exception) -> str:
    return str(error) if isinstance(error, ALError) else f"{name}: {type(error).__name__}: {error}."
