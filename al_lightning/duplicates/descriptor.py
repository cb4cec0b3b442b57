"""What images are compared by: a hash of the pixels, and a small descriptor of what the picture looks like."""

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
"""Height and width of the grey thumbnail that a descriptor is made of, in pixels."""
EDGES, GREY = 2 * (THUMBNAIL - 2) * (THUMBNAIL - 3), THUMBNAIL**2
"""Numbers of a descriptor's two parts."""
SCALE = 1024
"""Descriptors are whole numbers of 1 / SCALE.

So a product of two sums integers below 2**24, which float32 holds exactly: it is the same number on any machine, in any
order of summation, and what is a near-duplicate does not depend on the number of threads.
"""
_FLAT_GREY, _FLAT_EDGES = 4.0, 1.0
"""Standard deviation of the grey levels, and root mean square of the edges, below which an image has nothing to see."""


class Descriptor(NamedTuple):
    """The descriptor of one image; see `Descriptors` for the three parts."""

    pixels: int
    edges: Integers
    grey: Integers


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of N images.

    Attributes:
        pixels: (N,) int64, a hash that is equal for equal pixels of equal shape, and for nothing else in practice.
        edges: (N, 364) int16, differences between neighbours of the thumbnail, along rows and along columns, as a
            vector of length SCALE. The outermost ring is left out: pictures in white frames would look alike by them.
        grey: (N, 256) int16, the thumbnail less its mean, as a vector of length SCALE. Edges and grey are shorter for
            an image that is nearly flat, and zero for a flat one.
    """

    pixels: Indices
    edges: Integers
    grey: Integers

    @classmethod
    def of(cls, images: Sequence[Descriptor]) -> Descriptors:
        """Return the descriptors of some images as arrays."""
        none = np.empty(0, dtype=np.int16)
        return cls(
            np.array([image.pixels for image in images], dtype=np.int64),
            np.concatenate([none, *(image.edges for image in images)]).reshape(-1, EDGES),
            np.concatenate([none, *(image.grey for image in images)]).reshape(-1, GREY),
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Descriptors:
        return Descriptors(self.pixels[part], self.edges[part], self.grey[part])

    @cached_property
    def first(self) -> Indices:
        """For each image the first one with equal pixels, (N,) int64; an image that repeats no pixels is its own."""
        _, first, kind = np.unique(self.pixels, return_index=True, return_inverse=True)
        return first[kind]


def describe(image: Array) -> Descriptor:
    """Return an image's descriptor.

    Brightness and contrast drop out, as do size and (nearly) compression. Position does not: a crop, a turn or a mirror
    image has another descriptor.

    Args:
        image: (H, W, 3) uint8.
    """
    # Mode F keeps fractions of a grey level, which matter where the contrast is low.
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
    """Return a vector at length SCALE, or less where its root mean square is less than `least`."""
    size = max(float(np.sqrt(np.mean(vector**2))), least)
    whole: Integers = np.rint(vector * (SCALE / (size * np.sqrt(len(vector))))).astype(np.int16)
    return whole
