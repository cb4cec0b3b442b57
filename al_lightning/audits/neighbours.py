"""Which images look alike: every pair is compared, a tile of pairs at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.duplicates.descriptor import SCALE, Descriptors

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Advance = Callable[[int, int], None]
"""Is told (done, total) now and then."""
NEAR_EDGES = 0.8
"""Near-duplicates agree in their edges at least so far: the cosine between them."""
NEAR_GREY = 0.875
"""And in their grey levels so far. At equal brightness and contrast (a standard deviation of 50 grey levels), the two
16 x 16 thumbnails then differ by at most 50 * sqrt(2 - 2 * 0.875) = 25 grey levels, root mean square."""
ALIKE = 0.5
"""Similarity from which two images count as alike at all in the redundancy score."""
_TILE = 1024
_SPARSE = 0.01
"""Share of a tile's pairs up to which grey levels are compared pair by pair."""


@dataclass(frozen=True)
class Within:
    """What comparing a set with itself gave.

    Attributes:
        mass: (N,) float64, how many images there are of this one's kind, itself included: the sum over all images of
            `weight`.
        leader: (N,) int64, the first image of its group; an image that repeats none is its own.
        similarity: (N,) float64, to that image.
    """

    mass: Reals
    leader: Indices
    similarity: Reals


def similarity(a: Descriptors, b: Descriptors) -> tuple[npt.NDArray[np.float32], Flags]:
    """Compare each of some images with each of some others.

    Args:
        a: of M images.
        b: of N images.

    Returns:
        (M, N) similarity, the lesser of the cosines of edges and grey levels, 0 where that is below `ALIKE`; and
        (M, N) bool, whether they are near-duplicates (`NEAR_EDGES`, `NEAR_GREY`).
    """
    unit = np.float32(1 / SCALE**2)
    found = (a.edges.astype(np.float32) @ b.edges.astype(np.float32).T) * unit
    near = found >= NEAR_EDGES
    rows, columns = np.nonzero(found >= ALIKE)
    if len(rows) > _SPARSE * found.size:
        grey = (a.grey.astype(np.float32) @ b.grey.astype(np.float32).T) * unit
        near &= grey >= NEAR_GREY
        found = np.minimum(found, grey)
        found[found < ALIKE] = 0
        return found, near
    pairs = np.einsum("ij,ij->i", a.grey[rows].astype(np.float32), b.grey[columns].astype(np.float32)) * unit
    near[rows, columns] &= pairs >= NEAR_GREY
    least = np.minimum(found[rows, columns], pairs)
    found[:] = 0
    found[rows, columns] = np.where(least >= ALIKE, least, 0)
    return found, near


def weight(similarity: npt.NDArray[np.float32]) -> Reals:
    """Return how far an image stands for another: 0 up to a similarity of `ALIKE`, 1 at 1, linear between."""
    return np.clip((similarity.astype(np.float64) - ALIKE) / (1 - ALIKE), 0, 1)


def within(images: Descriptors, advance: Advance | None = None) -> Within:
    """Compare a set with itself, in its order.

    Groups do not chain: an image joins the most similar of the groups whose *first* image it is a near-duplicate of,
    or else begins one. So everyone in a group is a near-duplicate of its first image, first images are none of each
    other, and a slow pan is several groups. Memory is that of a tile, besides the descriptors.

    Args:
        images: of N images.
        advance: is told of progress.
    """
    size = len(images)
    mass, best = np.zeros(size), np.full(size, -1.0)
    leader = np.arange(size)
    starts = range(0, size, _TILE)
    for start in starts:
        rows = slice(start, min(start + _TILE, size))
        for other in range(0, start, _TILE):
            columns = slice(other, other + _TILE)
            found, near = similarity(images[rows], images[columns])
            weights = weight(found)
            mass[rows] += weights.sum(axis=1)
            mass[columns] += weights.sum(axis=0)
            near &= leader[columns] == np.arange(other, other + _TILE)
            scores = np.where(near, found, np.float32(-1))
            nearest = scores.argmax(axis=1)
            score = scores[np.arange(len(nearest)), nearest].astype(np.float64)
            better = score > best[rows]
            best[rows] = np.where(better, score, best[rows])
            leader[rows] = np.where(better, other + nearest, leader[rows])
        _within_tile(images[rows], start, mass[rows], leader[rows], best[rows])
        if advance is not None:
            advance(rows.stop, size)
    return Within(mass, leader, np.where(best < 0, 1.0, best))


def _within_tile(images: Descriptors, start: int, mass: Reals, leader: Indices, best: Reals) -> None:
    """Compare a tile's images with each other, one after the other, for each may lead those after it."""
    found, near = similarity(images, images)
    weights = weight(found)
    np.fill_diagonal(weights, 1)  # a flat image is at least itself
    mass += weights.sum(axis=1)
    leads = np.zeros(len(images), dtype=bool)
    for row in range(len(images)):
        candidates = np.flatnonzero(near[row, :row] & leads[:row])
        if len(candidates):
            column = candidates[found[row, candidates].argmax()]
            if found[row, column] > best[row]:
                best[row], leader[row] = found[row, column], start + column
        leads[row] = best[row] < 0


def across(images: Descriptors, others: Descriptors, advance: Advance | None = None) -> tuple[Indices, Reals]:
    """Find for each of M images its most similar near-duplicate among N others.

    Returns:
        (M,) int64 positions, -1 where there is none, the first of equals; (M,) float64 similarities.
    """
    nearest, best = np.full(len(images), -1), np.full(len(images), -1.0)
    for start in range(0, len(images), _TILE):
        rows = slice(start, min(start + _TILE, len(images)))
        for other in range(0, len(others), _TILE):
            found, near = similarity(images[rows], others[slice(other, other + _TILE)])
            scores = np.where(near, found, np.float32(-1))
            column = scores.argmax(axis=1)
            score = scores[np.arange(len(column)), column].astype(np.float64)
            better = score > best[rows]
            best[rows] = np.where(better, score, best[rows])
            nearest[rows] = np.where(better, other + column, nearest[rows])
        if advance is not None:
            advance(rows.stop, len(images))
    return nearest, best
