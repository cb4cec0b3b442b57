"""Groups of near-duplicates, each about its leader: the leader rule, and what it says an image repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_lightning.duplicates.descriptor import Descriptors, Indices
from al_lightning.duplicates.relation import ALIKE, TILE, Advance, Flags, Reals, Similarities, compare, keep_nearest


@dataclass(frozen=True)
class Groups:
    """Images in groups.

    Attributes:
        leader: (N,) int64, the first image of its group; an image that repeats none is its own.
        similarity: (N,) float64, to that image.
        mass: (N,) float64, how many images there are of this one's kind, itself included: the sum over all images of
            `weight`.
    """

    leader: Indices
    similarity: Reals
    mass: Reals

    @property
    def repeats(self) -> Flags:
        """Which images are near-duplicates of a leader before them, (N,) bool."""
        found: Flags = self.leader != np.arange(len(self.leader))
        return found


def weight(similarity: Similarities) -> Reals:
    """Return how far an image stands for another: 0 up to a similarity of `ALIKE`, 1 at 1, linear between."""
    return np.clip((similarity.astype(np.float64) - ALIKE) / (1 - ALIKE), 0, 1)


def group(images: Descriptors, advance: Advance | None = None) -> Groups:
    """Group images by the leader rule, in their order.

    An image joins the most similar group whose leader it is a near-duplicate of, or else leads a new group (the leader
    algorithm: Hartigan, Clustering Algorithms, 1975). So everyone in a group is a near-duplicate of its leader, leaders
    are none of each other, and groups do not chain: a slow pan is several groups. Equal images are in one group.
    Memory is that of a tile, besides the descriptors.

    Args:
        images: of N images.
        advance: is told of progress.
    """
    size = len(images)
    mass, best = np.zeros(size), np.full(size, -1.0)
    leader = np.arange(size)
    for start in range(0, size, TILE):
        rows = slice(start, min(start + TILE, size))
        for other in range(0, start, TILE):
            columns = slice(other, other + TILE)
            found, near = compare(images[rows], images[columns])
            weights = weight(found)
            mass[rows] += weights.sum(axis=1)
            mass[columns] += weights.sum(axis=0)
            near &= leader[columns] == np.arange(other, other + TILE)
            keep_nearest(found, near, other, leader[rows], best[rows])
        _within_tile(images[rows], start, mass[rows], leader[rows], best[rows])
        if advance is not None:
            advance(rows.stop, size)
    similarity = np.where(best < 0, 1.0, best)
    return Groups(leader[images.first], similarity[images.first], mass)


def _within_tile(images: Descriptors, start: int, mass: Reals, leader: Indices, best: Reals) -> None:
    """Compare a tile's images with each other, one after the other, for each may lead those after it."""
    found, near = compare(images, images)
    mass += weight(found).sum(axis=1)
    repeats = best >= 0
    for row in range(len(images)):
        if not repeats[row]:
            repeats[row + 1 :] |= near[row, row + 1 :]
    keep_nearest(found, np.tril(near & ~repeats, -1), start, leader, best)


def count_repeats(near: Flags, batches: Indices) -> Indices:
    """Return how many images of each batch repeat a leader before them in the batch, by the leader rule.

    Args:
        near: (T, T), which pairs of images are near-duplicates.
        batches: (B, n), each row the images of a batch in order, as rows of `near`.

    Returns:
        (B,) int64.
    """
    flat, size, order = near.ravel(), len(near), np.ascontiguousarray(batches.T)
    leads = np.zeros(order.shape, dtype=bool)
    for place, images in enumerate(order):
        leads[place] = ~(flat[images * size + order[:place]] & leads[:place]).any(axis=0)
    found: Indices = (~leads).sum(axis=0)
    return found
