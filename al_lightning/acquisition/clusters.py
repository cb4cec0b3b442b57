"""One image of each cluster: k-means, and the rows that are nearest to its centroids."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn depends on it
from torch import Tensor

from al_lightning.acquisition.d2_sampling import Products, sample_distant
from al_lightning.acquisition.draws import exponential, take_in_order
from al_lightning.acquisition.functional import round_significant
from al_lightning.acquisition.limits import Allowed
from al_lightning.types import SelectionInputs

BLOCK = 4096
"""Rows per step where distances are computed in float64."""


def k_means(vectors: Tensor, count: int, index: Tensor, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Divide rows into clusters by Lloyd's algorithm (scikit-learn's), from k-means++ centres drawn by position.

    Args:
        vectors: (N, D) float32.
        count: number of clusters; there are fewer where fewer rows differ.
        index: (N,) int64 positions, the keys of the draws.
        generator: for all draws.

    Returns:
        (cluster, square): (N,) int64, and (N,) float64, the squared distance from the cluster's centroid.
    """
    ones = Products(vectors.new_ones(len(vectors), 1), vectors)
    every = Allowed(SelectionInputs(index, torch.zeros(len(index), dtype=torch.bool), vectors[None]))
    first = int(exponential(index, generator).argmin())
    centres, _ = sample_distant(ones, first, count, index, every, generator)
    # On one thread: several would add up a centroid in any order.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(len(centres), init=vectors[centres].numpy(), n_init=1, max_iter=100).fit(vectors.numpy())
    cluster = torch.from_numpy(fitted.labels_).long()
    centroid = torch.from_numpy(fitted.cluster_centers_).double()
    square = torch.cat(
        [
            (part.double() - centroid[of]).square().sum(dim=1)
            for part, of in zip(torch.split(vectors, BLOCK), torch.split(cluster, BLOCK), strict=True)
        ]
    )
    return cluster, square


def take_of_each(cluster: Tensor, square: Tensor, rows: Tensor, count: int, allowed: Allowed) -> list[int]:
    """Take the open row of each cluster that is nearest to its centroid, then the second nearest, and so on.

    Distances are compared to 6 digits; of equal ones the lower row is taken.

    Args:
        cluster: (n,) int64, as `k_means` returns it.
        square: (n,) float64.
        rows: (n,) int64, the numbers of these rows among all rows.
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
