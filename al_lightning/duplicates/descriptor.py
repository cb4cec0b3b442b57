"""What the audit compares images by: a hash of the pixels, and a descriptor of what the picture looks like."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.images import Array

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


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of N images.

    Attributes:
        edges: (N, 364) int16, differences between neighbours of the thumbnail, along rows and along columns, as a
            vector of length SCALE. The outermost ring is left out: pictures in white frames would look alike by them.
        grey: (N, 256) int16, the thumbnail less its mean, as a vector of length SCALE. Both are shorter for an image
            that is nearly flat, and zero for a flat one.
    """

    edges: Integers
    grey: Integers

    def __len__(self) -> int:
        return len(self.edges)

    def __getitem__(self, part: slice | npt.NDArray[np.int64]) -> Descriptors:
        return Descriptors(self.edges[part], self.grey[part])


def pixel_hash(image: Array) -> bytes:
    """Return 16 bytes that are equal for equal pixels of equal shape, and for nothing else in practice.

    Args:
        image: (H, W, 3) uint8.
    """
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()


def describe(image: Array) -> tuple[Integers, Integers]:
    """Return an image's descriptor: (364,) edges and (256,) grey, see `Descriptors`.

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
    return _unit(edges, _FLAT_EDGES), _unit((small - small.mean()).ravel(), _FLAT_GREY)


def _unit(vector: npt.NDArray[np.float64], least: float) -> Integers:
    """Return a vector at length SCALE, or less where its root mean square is less than `least`."""
    size = max(float(np.sqrt(np.mean(vector**2))), least)
    whole: Integers = np.rint(vector * (SCALE / (size * np.sqrt(len(vector))))).astype(np.int16)
    return whole
