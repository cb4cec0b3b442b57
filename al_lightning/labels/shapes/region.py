"""A marked part of an image: a rectangle, and the marks of its pixels."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]
_Value = TypeVar("_Value", bound=np.generic)


class Region(NamedTuple):
    """Marked pixels of an image; a region takes the memory of its rectangle only.

    Attributes:
        bits: (h, w) bool, whether each pixel of the rectangle is marked.
        top: the rectangle's first row.
        left: the rectangle's first column.
        left_out: number of the region's polygons that were left out, since they have no area.
    """

    bits: Bits
    top: int = 0
    left: int = 0
    left_out: int = 0

    def of(self, pixels: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
        """Return a writable view of the rectangle in an array of the whole image, (H, W)."""
        height, width = self.bits.shape
        return pixels[self.top : self.top + height, self.left : self.left + width]
