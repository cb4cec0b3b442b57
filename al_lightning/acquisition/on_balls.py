"""What strategies share that cover embeddings by balls: the radius, and where it comes from."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.functional.ball_cover import cluster_radius
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.errors import require
from al_lightning.types import SelectionInputs


class OnBalls(OnEmbeddings):
    """A strategy that covers embeddings, scaled to length 1, by balls around labelled and chosen images.

    Args:
        features: see `OnEmbeddings`.
        delta: radius of the balls, above 0, at most 2; of DCoM the largest radius. None for ProbCover's rule: the
            largest at which 95 % of the balls are pure, of k-means clusters as many as there are classes.
    """

    reads_labels: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, features: str | None = None, delta: float | None = None) -> None:
        super().__init__(features)
        if delta is not None:
            require("acquisition.delta", delta, above=0, most=2)
        self.delta = delta

    def radius(self, points: UnitVectors, rows: SelectionInputs, count: int, generator: np.random.Generator) -> float:
        """Return delta, or what the rule gives; see `cluster_radius`."""
        return self.delta or cluster_radius(points, rows, count, generator)
