"""TypiClust: the most typical image of each cluster of embeddings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.functional.clustering import k_means
from al_lightning.acquisition.functional.typicality import typical_choice
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.types import Selection, SelectionInputs

MOST_CLUSTERS = 500


class TypiClust(OnEmbeddings):
    """The most typical images of the clusters that hold the fewest labelled ones (Hacohen et al. 2022, Algorithm 1).

    Embeddings, scaled to length 1, are clustered by k-means into as many clusters as images are labelled and to be
    labelled, at most 500. The score of a choice is its typicality, 1 over the mean distance to its nearest neighbours
    in the cluster. It needs no labels, and can choose a first batch.

    Args:
        features: see `OnEmbeddings`.
    """

    cold_start: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Cluster all rows, and choose by `typical_choice`."""
        points = UnitVectors(self.finite_embedding(rows))
        clusters = min(int(rows.labelled.sum()) + count, MOST_CLUSTERS, len(points))
        cluster = k_means(points.fast, clusters, generator)
        chosen, values = typical_choice(points, Allowed(rows), cluster, count)
        return Selection(rows.index[chosen].tolist(), values)
