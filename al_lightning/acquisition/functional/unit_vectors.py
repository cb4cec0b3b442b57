"""Vectors of length 1: fast squared distances with a known error, and float64 where a decision needs it."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.errors import ALError

ERROR = {torch.float32: 2.0**-19, torch.float64: 2.0**-47}
"""Error of a squared distance, by the type of the product.

Twice the largest of some million pairs with 64 to 4,096 numbers each. The bound for the worst order of summation is a
hundred times as wide, and no product comes near it.
"""
COPY = 1e-3
"""Distance below which two vectors are copies, apart from the rounding of a file of vectors."""
ROOM = 1 << 23
"""Numbers in a temporary tensor."""
CACHE = 1 << 19
"""Numbers in a block that should stay in the processor's cache."""


class UnitVectors:
    """Vectors scaled to length 1; a vector of zeros stays.

    Args:
        features: (N, D), of any floating type.

    Attributes:
        fast: (N, D) float32, the scaled vectors.

    Raises:
        ALError: a feature is NaN or infinite; the message names the row.
    """

    def __init__(self, features: Tensor) -> None:
        self._features = features
        parts = torch.split(features, max(1, CACHE // max(1, features.shape[1])))
        length = torch.cat([part.double().norm(dim=1) for part in parts])
        if not bool(length.isfinite().all()):
            row = int(torch.nonzero(~length.isfinite())[0, 0])
            raise ALError(f"Row {row} of the features is not finite; it has no distance to other rows.")
        self._inverse = torch.where(length > 0, 1 / length, 0.0)
        self._square = (length > 0).double()
        self.fast = torch.empty(features.shape)
        for rows in self._slices():
            self.fast[rows] = self.exact(rows)

    def __len__(self) -> int:
        return len(self._features)

    def subset(self, rows: Tensor) -> UnitVectors:
        """Return the vectors at some rows, (n,) int64 ascending; a copy, unless these are all."""
        if len(rows) == len(self):
            return self
        part = object.__new__(UnitVectors)
        part._features, part.fast = self._features[rows], self.fast[rows]
        part._inverse, part._square = self._inverse[rows], self._square[rows]
        return part

    def exact(self, rows: Tensor | slice) -> Tensor:
        """Return the scaled vectors at some rows, (n, D) float64."""
        return self._features[rows].double() * self._inverse[rows, None]

    def fast_squares(self, rows: Tensor, others: UnitVectors) -> Tensor:
        """Return squared distances of rows, (n,) int64, and all other vectors, (n, M) float32."""
        square = torch.addmm(others._square.float(), self.fast[rows], others.fast.T, alpha=-2)
        return square.add_(self._square[rows, None].float()).clamp_(min=0)

    def squares(self, rows: Tensor, others: UnitVectors) -> Tensor:
        """Return squared distances of rows, (n,) int64, and all other vectors, (n, M) float64."""
        own = self.exact(rows)
        square = torch.empty(len(rows), len(others), dtype=torch.float64)
        for part in others._slices():
            product = own @ others._features[part].double().T
            square[:, part] = product.mul_(-2 * others._inverse[part]).add_(others._square[part])
        return square.add_(self._square[rows, None]).clamp_(min=0)

    def squares_of_pairs(self, rows: Tensor, others: UnitVectors, places: Tensor) -> Tensor:
        """Return the squared distance of each pair of a row and another's place, (n,) float64; 0 for equal vectors."""
        width = max(1, CACHE // max(1, self._features.shape[1]))
        pairs = zip(torch.split(rows, width), torch.split(places, width), strict=True)
        squares = [(self.exact(row) - others.exact(place)).square().sum(dim=1) for row, place in pairs]
        return torch.cat([*squares, torch.empty(0, dtype=torch.float64)])

    def nearest(self, others: UnitVectors) -> Tensor:
        """Return each vector's squared distance to the nearest of the others, (N,) float64; infinity without others."""
        nearest = torch.full((len(self),), torch.inf, dtype=torch.float64)
        if len(others):
            for rows in blocks(torch.arange(len(self)), 2 * len(others)):
                nearest[rows] = self.squares(rows, others).amin(dim=1)
        return nearest

    def within(self, rows: Tensor, others: UnitVectors, radius: float) -> Tensor:
        """Return whether rows, (n,) int64, are closer to the other vectors than a radius, (n, M) bool.

        Pairs that float32 leaves open are decided in float64, so that the answer for a pair is always the same.
        """
        squares, limit = self.fast_squares(rows, others), radius * radius
        inside = squares < limit
        row, place = torch.nonzero(squares.sub_(limit).abs_() <= ERROR[torch.float32], as_tuple=True)
        inside[row, place] = self.squares_of_pairs(rows[row], others, place) < limit
        return inside

    def _slices(self) -> list[slice]:
        width = max(1, CACHE // max(1, self._features.shape[1]))
        return [slice(start, min(start + width, len(self))) for start in range(0, len(self), width)]


def blocks(rows: Tensor, width: int) -> tuple[Tensor, ...]:
    """Split rows so that a block of them times `width` numbers fits into a temporary tensor."""
    return torch.split(rows, max(1, ROOM // max(1, width)))
