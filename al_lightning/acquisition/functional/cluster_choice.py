"""One image of each cluster: the nearest to its centroid."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.acquisition.functional.draws import take_in_order
from al_lightning.acquisition.functional.scores import round_significant
from al_lightning.acquisition.limits import Allowed

BLOCK = 4096
"""Rows per step where distances are computed in float64."""


def one_of_each_cluster(
    embedding: Tensor, rows: Tensor, count: int, allowed: Allowed, generator: np.random.Generator
) -> list[int]:
    """Divide rows into clusters by direction, and take the nearest of each to its centroid (`nearest_of_each`).

    Args:
        embedding: (N, D) float32; k-means reads vectors of length 1.
        rows: (n,) int64, ascending.
        count: number of clusters, and most rows to take.
        allowed: of all rows; it records the rows that are taken.
        generator: for k-means.
    """
    vectors = F.normalize(embedding[rows])
    cluster = k_means(vectors, min(count, len(rows)), generator)
    return nearest_of_each(cluster, from_centroids(vectors, cluster), rows, count, allowed)


def from_centroids(vectors: Tensor, cluster: Tensor) -> Tensor:
    """Return squared distances from the means of clusters, (n,) float64.

    Args:
        vectors: (n, D).
        cluster: (n,) int64, from 0.
    """
    parts = list(zip(torch.split(vectors, BLOCK), torch.split(cluster, BLOCK), strict=True))
    total = torch.zeros(int(cluster.max()) + 1, vectors.shape[1], dtype=torch.float64)
    for part, of in parts:
        total.index_add_(0, of, part.double())
    centroid = total / cluster.bincount().clamp(min=1)[:, None]
    return torch.cat([(part.double() - centroid[of]).square().sum(dim=1) for part, of in parts])


def nearest_of_each(cluster: Tensor, square: Tensor, rows: Tensor, count: int, allowed: Allowed) -> list[int]:
    """Take the open row of each cluster that is nearest to its centroid, then the second nearest, and so on.

    Distances are compared to 6 digits; of equal ones the lower row is taken.

    Args:
        cluster: (n,) int64.
        square: (n,) float64, squared distances from the centroids.
        rows: (n,) int64, the numbers of these rows among all rows, ascending.
        count: most rows to take.
        allowed: of all rows; it records the rows that are taken.

    Returns:
        The rows that were taken, in order; fewer than `count` if none of `rows` is open any more.
    """
    order = round_significant(square).sort(stable=True).indices
    members = [rows[order[cluster[order] == number]] for number in range(int(cluster.max()) + 1)]
    taken: list[int] = []
    while len(taken) < count:
        before = len(taken)
        for member in members:
            taken += take_in_order(member, min(1, count - len(taken)), allowed)
        if len(taken) == before:
            break
    return taken
