"""Groups of near-duplicates by the leader rule, and which images repeat an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_lightning.duplicates.descriptor import Descriptors, Indices
from al_lightning.duplicates.relation import (
    ALIKE,
    TILE,
    Advance,
    Compare,
    Flags,
    Reals,
    Similarities,
    comparing,
    keep_nearest,
)


@dataclass(frozen=True)
class Groups:
    """Images in groups of near-duplicates.

    Attributes:
        leader: (N,) int64, the position of the first image of each image's group.
        similarity: (N,) float64, similarity to the leader.
        mass: (N,) float64, the number of images of this image's kind, itself included: the sum of `weight` over all
            images.
    """

    leader: Indices
    similarity: Reals
    mass: Reals

    @property
    def repeats(self) -> Flags:
        """Which images are not the leader of their group, (N,) bool."""
        repeated: Flags = self.leader != np.arange(len(self.leader))
        return repeated

    @property
    def distinct(self) -> float:
        """Effective number of different images: the sum of 1 / `mass`."""
        return float((1 / self.mass).sum())

    @property
    def redundancy(self) -> float:
        """The redundancy score, 1 - `distinct` / N, rounded to four digits; 0 without images."""
        return round(1 - self.distinct / len(self.mass), 4) if len(self.mass) else 0.0


def weight(similarity: Similarities) -> Reals:
    """Return how much two images count as the same: 0 up to a similarity of `ALIKE`, 1 at 1, linear between."""
    return np.clip((similarity.astype(np.float64) - ALIKE) / (1 - ALIKE), 0, 1)


def group(images: Descriptors, advance: Advance | None = None) -> Groups:
    """Group images by the leader algorithm (Hartigan, Clustering Algorithms, 1975), in their order.

    An image joins the group with the most similar leader among those that it is a near-duplicate of. An image without
    such a leader leads a new group. Leaders are not near-duplicates of each other, and groups do not chain: a slow pan
    gives several groups. Images with equal pixels share a group. Memory beside the descriptors is that of a tile.
    """
    groups = group_by(len(images), comparing(images, images), advance)
    return Groups(groups.leader[images.first], groups.similarity[images.first], groups.mass)


def group_by(size: int, compare: Compare, advance: Advance | None = None) -> Groups:
    """Group N images as `group` does, by a function that compares two of their tiles."""
    mass, best = np.zeros(size), np.full(size, -1.0)
    leader = np.arange(size)
    for start in range(0, size, TILE):
        rows = slice(start, min(start + TILE, size))
        for first in range(0, start, TILE):
            columns = slice(first, first + TILE)
            similarity, near = compare(rows, columns)
            weights = weight(similarity)
            mass[rows] += weights.sum(axis=1)
            mass[columns] += weights.sum(axis=0)
            near &= leader[columns] == np.arange(first, first + TILE)
            keep_nearest(similarity, near, first, leader[rows], best[rows])
        _group_tile(*compare(rows, rows), start, mass[rows], leader[rows], best[rows])
        if advance is not None:
            advance(rows.stop, size)
    return Groups(leader, np.where(best < 0, 1.0, best), mass)


def _group_tile(similarity: Similarities, near: Flags, start: int, mass: Reals, leader: Indices, best: Reals) -> None:
    """Group the images of a tile in their order: each may lead later ones."""
    mass += weight(similarity).sum(axis=1)
    repeats = best >= 0
    for row in range(len(near)):
        if not repeats[row]:
            repeats[row + 1 :] |= near[row, row + 1 :]
    keep_nearest(similarity, np.tril(near & ~repeats, -1), start, leader, best)


def count_repeats(near: Flags, batches: Indices) -> Indices:
    """Count in each batch the images that repeat a leader before them in the batch, (B,) int64.

    Args:
        near: (T, T), which pairs of images are near-duplicates.
        batches: (B, n), the images of each batch in order, as rows of `near`.
    """
    flat, size, order = near.ravel(), len(near), np.ascontiguousarray(batches.T)
    leads = np.zeros(order.shape, dtype=bool)
    for place, images in enumerate(order):
        leads[place] = ~(flat[images * size + order[:place]] & leads[:place]).any(axis=0)
    counts: Indices = (~leads).sum(axis=0)
    return counts
