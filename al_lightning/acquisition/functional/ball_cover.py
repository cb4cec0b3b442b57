"""ProbCover's mathematics: vectors that lie in the balls around others, counted without a graph in memory."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.acquisition.functional.unit_vectors import UnitVectors, blocks
from al_lightning.types import SelectionInputs

PURE = 0.95
"""Share of pure balls that `pure_radius` asks for."""
WHOLE = 2.0
"""Largest distance of vectors of length 1."""


class BallCover:
    """How many vectors that are not covered yet lie in the ball around each vector.

    The counts are exact: when a vector is covered, which happens once, all balls that hold it lose it. So two products
    of all vectors with each other suffice for any number of choices, in blocks.

    Args:
        points: N vectors.
        covered: (N,) bool, what is covered already.
        radius: a ball holds what is closer than this.

    Attributes:
        degree: (N,) int64, the number of vectors in each ball that are not covered, its own centre included.
        covered: (N,) bool.
    """

    def __init__(self, points: UnitVectors, covered: Tensor, radius: float) -> None:
        self._points, self._radius = points, radius
        self.covered = covered.clone()
        self.degree = self._count(torch.nonzero(~covered).flatten())

    def _count(self, rows: Tensor) -> Tensor:
        """Return for each vector how many of some rows lie in its ball, (N,) int64."""
        count = torch.zeros(len(self._points), dtype=torch.int64)
        for part in blocks(rows, len(self._points)):
            count += self._points.within(part, self._points, self._radius).sum(dim=0)
        return count

    def cover(self, row: int) -> None:
        """Cover the ball of a row."""
        inside = self._points.within(torch.tensor([row]), self._points, self._radius)[0]
        new = torch.nonzero(inside & ~self.covered).flatten()
        self.covered[new] = True
        self.degree -= self._count(new)


def in_balls(points: UnitVectors, centres: Tensor, radii: Tensor) -> Tensor:
    """Return whether each vector lies in the ball of a centre, (N,) bool.

    Args:
        points: N vectors.
        centres: (n,) int64.
        radii: (n,), of each centre.
    """
    covered = torch.zeros(len(points), dtype=torch.bool)
    for radius in torch.unique(radii).tolist():
        for part in blocks(centres[radii == radius], len(points)):
            covered |= points.within(part, points, radius).any(dim=0)
    return covered


def cluster_radius(points: UnitVectors, rows: SelectionInputs, count: int, generator: np.random.Generator) -> float:
    """Return `pure_radius` of k-means clusters: as many as there are classes.

    Where that is not known, as many as images are labelled and to be labelled.

    Args:
        points: the embeddings of `rows`.
        rows: the input of a `select`.
        count: number of images to choose.
        generator: for k-means.
    """
    classes = int(rows.labelled.sum()) + count if rows.shares is None else rows.shares.shape[1]
    return pure_radius(points, k_means(points.fast, min(classes, len(points)), generator))


def pure_radius(points: UnitVectors, cluster: Tensor) -> float:
    """Return the largest radius at which at least 95 % of all balls are pure.

    A ball is pure if all vectors in it are of its centre's cluster (Yehuda et al. 2022, section 3.3): if the nearest
    vector of another cluster is not closer than the radius. So the radius is one of these distances, and no grid of
    radii is needed, which would have to suit the embeddings. It is rounded down to 3 digits, so that no vector lies on
    the edge of a ball, where rounding would decide.

    Args:
        points: N vectors.
        cluster: (N,) int64, as a clustering into as many clusters as there are classes gives.
    """
    nearest = torch.full((len(points),), WHOLE**2, dtype=torch.float64)
    for rows in blocks(torch.arange(len(points)), len(points)):
        squares = points.fast_squares(rows, points)
        squares.masked_fill_(cluster[rows, None] == cluster, torch.inf)
        best = squares.argmin(dim=1)
        other = torch.nonzero(cluster[rows] != cluster[best]).flatten()  # none in a single cluster
        nearest[rows[other]] = points.squares_of_pairs(rows[other], points, best[other])
    impure = int(len(points) * (1 - PURE) + 1e-9)
    radius = math.sqrt(float(nearest.sort().values[impure]))
    scale = 10.0 ** (2 - math.floor(math.log10(radius))) if radius > 0 else 1.0
    return math.floor(radius * scale * (1 + 1e-12)) / scale


def agreeing_radii(
    points: UnitVectors, centres: Tensor, label: Tensor, predicted: Tensor, share: float, most: float
) -> Tensor:
    """Return for each centre the largest radius at which so many of its ball are predicted as the centre is labelled.

    Args:
        points: N vectors.
        centres: (n,) int64, labelled rows.
        label: (n,) int64, their classes.
        predicted: (N,) int64, the class that a network predicts for each row; of a labelled row its label.
        share: least share of the ball.
        most: largest radius.

    Returns:
        (n,) float64: halfway between the last vector in the ball and the first outside; `most` where that one is no
        closer than `most`.
    """
    radii = []
    for part in blocks(torch.arange(len(centres)), 4 * len(points)):
        square, order = points.squares(centres[part], points).sort(dim=1)
        agrees = predicted[order] == label[part, None]
        held = agrees.cumsum(dim=1) / torch.arange(1, len(points) + 1)
        beyond = torch.cat([square[:, 1:], torch.full((len(part), 1), torch.inf, dtype=torch.float64)], dim=1)
        # Vectors at one distance are in a ball together, or are not. A larger ball than that of `most` says nothing.
        ends = (held >= share) & (beyond > square) & (square < most**2)
        last = torch.where(ends, torch.arange(len(points)), 0).amax(dim=1)
        inner, outer = (each.gather(1, last[:, None])[:, 0].sqrt() for each in (square, beyond))
        radii.append(torch.where(outer < most, (inner + outer) / 2, most))
    return torch.cat([*radii, torch.empty(0, dtype=torch.float64)])
