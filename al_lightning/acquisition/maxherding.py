"""MaxHerding: images that cover the pool, measured by a Gaussian kernel of embeddings."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.functional.herding import herding
from al_lightning.acquisition.functional.unit_vectors import COPY, UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.errors import require
from al_lightning.types import Selection, SelectionInputs


class MaxHerding(OnEmbeddings):
    """Greedy generalised coverage (Bae et al. 2024, Algorithm 1): each choice raises the pool's mean coverage most.

    An image x is covered by the most similar labelled or chosen image l: max exp(-(|x - l| / radius)^2), of embeddings
    scaled to length 1. The score of a choice is by how much it raised the mean coverage of the unlabelled images. It
    needs no labels, and can choose a first batch.

    Args:
        features: see `OnEmbeddings`.
        radius: the kernel's radius, in distances between vectors of length 1 (0 to 2); 1 in the paper.
    """

    cold_start: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, features: str | None = None, radius: float = 1.0) -> None:
        super().__init__(features)
        require("acquisition.radius", radius, least=COPY)
        self.radius = radius

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Choose by `herding`."""
        points = UnitVectors(self.finite_embedding(rows))
        found = herding(points, Allowed(rows), count, generator, self.radius)
        return Selection(rows.index[found.rows].tolist(), found.gains, found.note)
