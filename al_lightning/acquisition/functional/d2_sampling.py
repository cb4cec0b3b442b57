"""Sampling of distant vectors, as in k-means++ (Arthur and Vassilvitskii 2007), of vectors that are outer products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional.draws import exponential
from al_lightning.acquisition.limits import Allowed

BLOCK = 2048
"""Rows per step where all rows are read."""
WIDTH = 8
"""Rows that are compared with new centres at a time."""
ROUNDING = 1e-12
"""Share of two vectors' squared lengths below which their squared distance is 0: float32 values cannot tell."""


class Products(NamedTuple):
    """N vectors q x z, (C, D) each, by their factors: neither they nor their distances need the product.

    Attributes:
        q: (N, C) float32.
        z: (N, D) float32.
    """

    q: Tensor
    z: Tensor

    def of(self, rows: Tensor | slice) -> Products:
        """Return some of the vectors, in float64."""
        return Products(self.q[rows].double(), self.z[rows].double())

    def lengths(self) -> Tensor:
        """Return squared lengths, |q|^2 |z|^2, (N,) float64."""
        return self.q.double().square().sum(dim=1) * self.z.double().square().sum(dim=1)

    def squares(self, other: Products) -> Tensor:
        """Return squared distances from other vectors, |q|^2 |z|^2 + |q'|^2 |z'|^2 - 2 (q . q') (z . z'), (N, M)."""
        total = self.lengths()[:, None] + other.lengths()
        square = total - 2 * (self.q @ other.q.T) * (self.z @ other.z.T)
        return torch.where(square > ROUNDING * total, square, 0.0)


def lengths(vectors: Products) -> Tensor:
    """Return squared lengths, (N,) float64, in blocks."""
    return torch.cat([vectors.of(rows).lengths() for rows in _blocks(len(vectors.q))])


def sample_distant(
    vectors: Products, first: int, count: int, index: Tensor, allowed: Allowed, generator: np.random.Generator
) -> tuple[list[int], list[float]]:
    """Draw rows one by one, each with a probability proportional to its squared distance from the nearest drawn row.

    The draw is a race: the row of the smallest exponential draw over squared distance wins, which is the same
    distribution. Distances only fall, so that an old distance gives a lower bound of a row's time. A row is compared
    with the rows drawn since only when its bound is the smallest, and memory beside the vectors is some numbers a row.

    Args:
        vectors: of all rows.
        first: the first row.
        count: number of rows, the first included.
        index: (N,) int64 positions.
        allowed: says which rows are open; it records the rows that are drawn.
        generator: for all draws.

    Returns:
        (rows, squares): rows in the order of their draws, and the squared distance of each when it was drawn; 0 for the
        first. Where every open row equals a drawn one, the lowest is taken, with 0.
    """
    size, width = len(vectors.q), (vectors.q.shape[1], vectors.z.shape[1])
    centres = Products(*(torch.empty(count, each, dtype=torch.float64) for each in width))
    nearest = torch.full((size,), torch.inf, dtype=torch.float64)
    seen = torch.zeros(size, dtype=torch.int64)
    rows: list[int] = []
    squares: list[float] = []

    def add(row: int, square: float) -> None:
        one = vectors.of(slice(row, row + 1))
        centres.q[len(rows)], centres.z[len(rows)] = one.q[0], one.z[0]
        rows.append(row)
        squares.append(square)
        allowed.take(row)

    def refresh(late: Tensor | slice) -> None:
        new = slice(int(seen[late].min()), len(rows))
        square = vectors.of(late).squares(Products(centres.q[new], centres.z[new])).amin(dim=1)
        nearest[late] = torch.minimum(nearest[late], square)
        seen[late] = len(rows)

    add(first, 0.0)
    for block in _blocks(size):
        refresh(block)
    while len(rows) < count:
        draw = exponential(index, generator)
        time = torch.where(allowed.open & (nearest > 0), draw / nearest, torch.inf)
        while True:
            early = time.topk(min(WIDTH, size), largest=False).indices
            row = int(time.argmin())
            if seen[row] == len(rows) or bool(time[row].isinf()):
                break
            late = early[seen[early] < len(rows)]
            refresh(late)
            time[late] = torch.where(time[late].isinf(), torch.inf, draw[late] / nearest[late])
        if bool(time[row].isinf()):
            row = int(allowed.open.int().argmax())  # of rows that all equal a drawn one
        add(row, float(nearest[row]))
    return rows, squares


def _blocks(size: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, size, BLOCK)]
