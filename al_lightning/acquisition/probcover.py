"""ProbCover: images whose balls of embeddings cover most of the pool."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch

from al_lightning.acquisition.functional.ball_cover import BallCover, in_balls
from al_lightning.acquisition.functional.draws import exponential, highest
from al_lightning.acquisition.functional.unit_vectors import COPY, UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_balls import OnBalls
from al_lightning.types import Selection, SelectionInputs


class ProbCover(OnBalls):
    """Maximum coverage by balls (Yehuda et al. 2022): each choice's ball holds most images that are in no other ball.

    A ball holds the images whose embeddings, scaled to length 1, are closer than delta to its centre. Once no image
    that may be chosen would cover another, delta is halved. Of images that cover equally many, one is drawn. The score
    of a choice is how many images it covered. It reads nothing of the labels but how many classes there are, and can
    choose a first batch. The options are those of `OnBalls`.
    """

    cold_start: ClassVar[bool] = True

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Choose greedily; of equal degrees by lot."""
        points, allowed = UnitVectors(self.finite_embedding(rows)), Allowed(rows)
        radius = self.radius(points, rows, count, generator)
        radii, lot = [radius], exponential(rows.index, generator)
        cover = _cover(points, allowed, radius)
        chosen: list[int] = []
        degrees: list[float] = []
        while len(chosen) < count:
            degree = torch.where(allowed.open, cover.degree, -1)
            row = highest(degree, lot)
            if int(degree[row]) == 0 and radius > COPY:
                radius /= 2
                cover = _cover(points, allowed, radius)
                continue
            if radius < radii[-1]:
                radii.append(radius)
            chosen.append(row)
            degrees.append(float(degree[row]))
            allowed.take(row)
            cover.cover(row)
        note = "delta " + ", then ".join(f"{radius:.3g}" for radius in radii)
        return Selection(rows.index[chosen].tolist(), degrees, note)


def _cover(points: UnitVectors, allowed: Allowed, radius: float) -> BallCover:
    """Return the cover by the balls around all labelled and chosen images."""
    known = torch.nonzero(~allowed.free).flatten()
    return BallCover(points, in_balls(points, known, torch.full((len(known),), radius, dtype=torch.float64)), radius)
