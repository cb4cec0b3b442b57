"""ProbCover: images whose balls of embeddings cover most of the pool."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from al_lightning.acquisition.ball_cover import BallCover, cluster_radius, in_balls
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.acquisition.unit_vectors import UnitVectors
from al_lightning.errors import require
from al_lightning.types import Selection, SelectionInputs


class ProbCover(OnEmbeddings):
    """Maximum coverage by balls (Yehuda et al. 2022): each choice's ball holds most images that are in no other ball.

    A ball holds the images whose embeddings, scaled to length 1, are closer than delta to its centre. The score of a
    choice is how many images it covered. It reads nothing of the labels but how many classes there are, and can choose
    a first batch.

    Args:
        features: see `OnEmbeddings`.
        delta: radius of the balls, above 0, at most 2. None for the paper's rule: the largest of 0.1, 0.15 ... 2 at
            which 95 % of the balls are pure, of k-means clusters as many as there are classes.
    """

    reads_labels: ClassVar[bool] = True
    cold_start: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, features: str | None = None, delta: float | None = None) -> None:
        super().__init__(features)
        if delta is not None:
            require("acquisition.delta", delta, above=0, most=2)
        self.delta = delta

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Choose greedily; of equal degrees the lower position."""
        points, allowed = UnitVectors(self.finite_embedding(rows)), Allowed(rows)
        radius = self.delta or cluster_radius(points, rows, count, generator)
        labelled = torch.nonzero(rows.labelled).flatten()
        cover = BallCover(points, in_balls(points, labelled, torch.full((len(labelled),), radius)), radius)
        chosen: list[int] = []
        degrees: list[float] = []
        for _ in range(count):
            row = int(torch.where(allowed.open, cover.degree, -1).argmax())  # the first of equals
            chosen.append(row)
            degrees.append(float(cover.degree[row]))
            allowed.take(row)
            cover.cover(row)
        return Selection(rows.index[chosen].tolist(), degrees, f"delta {radius:g}")
