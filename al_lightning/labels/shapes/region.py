"""A marked part of an image: a rectangle, and which of its pixels are marked."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]
_Value = TypeVar("_Value", bound=np.generic)


class Region(NamedTuple):
    """Pixels of an image; most regions are far smaller than it, and cost no more than their rectangle.

    Attributes:
        bits: (h, w) bool, the rectangle's pixels that are meant.
        top: the rectangle's first row.
        left: the rectangle's first column.
    """

    bits: Bits
    top: int = 0
    left: int = 0

    def of(self, pixels: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
        """Return the rectangle in an array of the whole image, (H, W): a view, which can be written to."""
        height, width = self.bits.shape
        return pixels[self.top : self.top + height, self.left : self.left + width]
