"""The descriptor of an image: a hash of its pixels, and the edges and grey levels of a small thumbnail."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Integers = npt.NDArray[np.int16]
THUMBNAIL = 16
"""Height and width of the grey thumbnail, in pixels."""
EDGES, GREY = 2 * (THUMBNAIL - 2) * (THUMBNAIL - 3), THUMBNAIL**2
"""Lengths of the two vectors of a descriptor."""
SCALE = 1024
"""Vectors are stored as integers in units of 1 / SCALE.

The dot product of two vectors then sums integers below 2**24, which float32 represents exactly: the result does not
depend on the machine, the order of summation or the number of threads.
"""
_FLAT_GREY, _FLAT_EDGES = 4.0, 1.0
"""Standard deviation of the grey levels, and root mean square of the edges, below which an image counts as flat."""


class Descriptor(NamedTuple):
    """The descriptor of one image; `Descriptors` explains the parts."""

    pixels: int
    edges: Integers
    grey: Integers


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of N images.

    Attributes:
        pixels: (N,) int64, a hash of the pixels and the shape.
        edges: (N, 364) int16, differences between neighbouring thumbnail pixels along rows and columns, a vector of
            norm SCALE. The outermost ring is left out: it would make all pictures in white frames look alike.
        grey: (N, 256) int16, the thumbnail minus its mean, a vector of norm SCALE. The norm of edges and grey is less
            for an image that is nearly flat, and zero for a flat image.
    """

    pixels: Indices
    edges: Integers
    grey: Integers

    @classmethod
    def of(cls, images: Sequence[Descriptor]) -> Descriptors:
        """Stack the descriptors of N images."""
        return cls(
            np.array([image.pixels for image in images], dtype=np.int64),
            np.array([image.edges for image in images], dtype=np.int16).reshape(-1, EDGES),
            np.array([image.grey for image in images], dtype=np.int16).reshape(-1, GREY),
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice | Indices) -> Descriptors:
        return Descriptors(self.pixels[part], self.edges[part], self.grey[part])

    @cached_property
    def first(self) -> Indices:
        """For each image the position of the first image with equal pixels, (N,) int64."""
        return first_of_each(self.pixels)


def first_of_each(groups: Indices) -> Indices:
    """Return for each image the position of the first image of its group, (N,) int64."""
    _, first, kind = np.unique(groups, return_index=True, return_inverse=True)
    return first[kind]


def describe(image: Array) -> Descriptor:
    """Return an image's descriptor.

    It does not depend on brightness, contrast and size, and hardly on compression. A cropped, rotated or mirrored copy
    has another descriptor.

    Args:
        image: (H, W, 3) uint8.
    """
    # Mode F keeps fractions of a grey level, which matter at low contrast.
    grey = Image.fromarray(image).convert("L").convert("F").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    small = np.asarray(grey, dtype=np.float64)
    inner = small[1:-1, 1:-1]
    edges = np.concatenate([np.diff(inner, axis=1).ravel(), np.diff(inner, axis=0).ravel()])
    return Descriptor(_pixel_hash(image), _unit(edges, _FLAT_EDGES), _unit((small - small.mean()).ravel(), _FLAT_GREY))


def _pixel_hash(image: Array) -> int:
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(image).data)
    return int.from_bytes(digest.digest(), "little", signed=True)


def _unit(vector: npt.NDArray[np.float64], least: float) -> Integers:
    """Scale a vector to norm SCALE, or to a smaller norm if its root mean square is below `least`."""
    size = max(float(np.sqrt(np.mean(vector**2))), least)
    scaled: Integers = np.rint(vector * (SCALE / (size * np.sqrt(len(vector))))).astype(np.int16)
    return scaled
