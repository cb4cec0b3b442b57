"""k-means, the same for any number of threads."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

FEW = 50
"""Most clusters for which k-means reads all vectors in every step; for more it reads a batch."""
BATCH = 5000
"""Vectors of a batch."""


def k_means(vectors: Tensor, clusters: int, generator: np.random.Generator) -> Tensor:
    """Return the cluster of each vector, (N,) int64: scikit-learn's KMeans, or MiniBatchKMeans for over 50 clusters.

    Args:
        vectors: (N, D) float32.
        clusters: number of clusters, at most N; fewer come back where fewer vectors differ.
        generator: draws scikit-learn's seed.
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # scikit-learn depends on it

    seed = int(generator.integers(2**32))
    model = (
        KMeans(clusters, random_state=seed)
        if clusters <= FEW
        else MiniBatchKMeans(clusters, random_state=seed, batch_size=BATCH)
    )
    # Threads add to the centres in any order.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return torch.from_numpy(model.fit_predict(vectors.numpy())).long()
