"""Which images are alike by the vectors that a network gives them: the definition, and comparisons in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.duplicates.descriptor import Integers
from al_lightning.duplicates.relation import TILE, Compare, Reals, Similarities
from al_lightning.seeding import generator

ALIKE_VECTORS = 0.9
"""Least cosine of the vectors of two images that are alike.

Chosen by looking at pairs of CIFAR-10 with EfficientNet-Lite0 that pixels do not call alike: above it, 25 of 29 show
one picture; from 0.85 to 0.89, one in three.
"""
SCALE = 2048
"""Vectors are stored as integers in units of 1 / SCALE, which changes a cosine by about 0.0002.

A dot product then sums integers below 2**24, which float32 represents exactly: the result does not depend on the order
of summation or the number of threads.
"""
DRAWN = 10_000
"""Pairs that are drawn to say which cosines are usual."""


@dataclass(frozen=True)
class UnitVectors:
    """Vectors of N images.

    Attributes:
        values: (N, D) int16, vectors of norm SCALE; a vector of zeros stays as it is, and is like no other.
    """

    values: Integers

    @classmethod
    def of(cls, rows: Callable[[slice], npt.NDArray[np.float32]], size: int) -> UnitVectors:
        """Scale vectors, a tile at a time.

        Args:
            rows: returns some of the vectors, (M, D).
            size: N.
        """
        parts = []
        for start in range(0, size, TILE):
            wide = rows(slice(start, min(start + TILE, size))).astype(np.float64)
            norm = np.sqrt((wide**2).sum(axis=1, keepdims=True))
            parts.append(np.rint(wide * (SCALE / np.where(norm > 0, norm, 1))).astype(np.int16))
        return cls(np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.int16))

    def __len__(self) -> int:
        return len(self.values)

    def cosine(self, place: int, other: int, others: UnitVectors) -> float:
        """Return the cosine of one of these vectors and one of others."""
        product = int(self.values[place].astype(np.int64) @ others.values[other].astype(np.int64))
        return min(1.0, product / SCALE**2)


def cosines(vectors: UnitVectors, others: UnitVectors, rows: slice, columns: slice) -> Similarities:
    """Return the cosines of some vectors and some others, (M, N) float32, at most 1."""
    product: Similarities = vectors.values[rows].astype(np.float32) @ others.values[columns].astype(np.float32).T
    product *= np.float32(1 / SCALE**2)
    np.minimum(product, np.float32(1), out=product)  # vectors of rounded numbers may be a little too long
    return product


def comparing_vectors(vectors: UnitVectors, others: UnitVectors) -> Compare:
    """Return the function that compares tiles of vectors with tiles of others."""

    def compare(rows: slice, columns: slice) -> tuple[Similarities, npt.NDArray[np.bool_]]:
        found = cosines(vectors, others, rows, columns)
        return found, found >= np.float32(ALIKE_VECTORS)

    return compare


def usual_cosines(vectors: UnitVectors) -> tuple[float, float] | None:
    """Return the median cosine of two images, and that which 1 pair in 1,000 exceeds; None for fewer than two images.

    Of `DRAWN` pairs that a generator keyed by the number of images draws.
    """
    size = len(vectors)
    if size < 2:
        return None
    draw = generator("usual cosines", size)
    first = draw.integers(size, size=DRAWN)
    second = (first + draw.integers(1, size, size=DRAWN)) % size
    found: Reals = np.concatenate(
        [
            np.einsum("ij,ij->i", vectors.values[first[part]], vectors.values[second[part]], dtype=np.int64)
            for part in (slice(start, start + TILE) for start in range(0, DRAWN, TILE))
        ]
    ) / float(SCALE**2)
    middle, high = np.quantile(found, [0.5, 0.999])
    return min(1.0, float(middle)), min(1.0, float(high))
