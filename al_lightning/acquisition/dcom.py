"""DCoM: from coverage to uncertainty, as the labelled images come to cover the pool."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional import mean_margin, mean_probability, require_finite, round_significant
from al_lightning.acquisition.functional.ball_cover import BallCover, agreeing_radii, in_balls
from al_lightning.acquisition.functional.draws import exponential, highest
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_balls import OnBalls
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs

CENTRE = 0.9
"""Coverage at which margin and density count alike."""
STEEPNESS = 30
"""Growth of the logistic curve there."""


class DCoM(OnBalls):
    """Dynamic coverage and margin mix (Mishal and Weinshall 2024).

    The score is competence x (1 - margin) + (1 - competence) x density, with both terms scaled to 0 .. 1. Density is
    the number of uncovered images in the ball around an image. Competence is p / (1 + exp(-30 (coverage - 0.9))), with
    p so that it is 1 at full coverage. A labelled image covers a ball of its own radius: the largest at which a share
    of 0.4 + 0.2 x coverage of the ball is predicted as the image is labelled; this coverage is that of balls of the
    largest radius. Balls of new choices have the mean of these radii. The radii are found anew in each cycle; the paper
    keeps those of earlier cycles.

    For segmentation the margin is the mean over pixels, and the class of an image the one that covers most of it.
    The options are those of `OnBalls`. Margins and classes are those of the run's own network, whatever `features` is.
    """

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return 1 minus the margin and the predicted class, (B, 1) each, and the embedding, (B, D)."""
        features = network.encode(batch.image)
        logits = network.decode(features).logits
        shares = mean_probability(logits)
        said = {"uncertainty": 1 - mean_margin(logits)[:, None], "class": shares.argmax(dim=1)[:, None]}
        return said if self.features else {**said, "embedding": features.embedding}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Choose greedily; of equal scores by lot."""
        points, allowed = UnitVectors(self.finite_embedding(rows)), Allowed(rows)
        require_finite(rows, rows.value[0])
        most = self.radius(points, rows, count, generator)
        covered, radius = self._covered(points, rows, most)
        competence = _competence(float(covered.double().mean()))
        cover, lot = BallCover(points, covered, radius), exponential(rows.index, generator)
        uncertainty = rows.part("uncertainty")[:, 0].double()
        chosen: list[int] = []
        scores: list[float] = []
        for _ in range(count):
            doubt = _scaled(torch.where(allowed.free, uncertainty, 0.0))
            density = _scaled(torch.where(allowed.free, cover.degree, 0).double())
            mixed = round_significant(competence * doubt + (1 - competence) * density)
            row = highest(torch.where(allowed.open, mixed, -1.0), lot)
            chosen.append(row)
            scores.append(float(mixed[row]))
            allowed.take(row)
            cover.cover(row)
        note = f"competence {competence:.3g}, delta {radius:.3g}"
        return Selection(rows.index[chosen].tolist(), scores, note)

    def _covered(self, points: UnitVectors, rows: SelectionInputs, most: float) -> tuple[Tensor, float]:
        """Return what the labelled images cover, (N,) bool, and the mean radius of their balls."""
        labelled = torch.nonzero(rows.labelled).flatten()
        if not len(labelled):
            return rows.labelled, most
        predicted = rows.part("class")[:, 0].long()
        label = predicted[labelled] if rows.shares is None else rows.shares[labelled].argmax(dim=1)
        predicted[labelled] = label
        widest = in_balls(points, labelled, torch.full((len(labelled),), most, dtype=torch.float64))
        share = 0.4 + 0.2 * float(widest.double().mean())
        radii = agreeing_radii(points, labelled, label, predicted, share, most)
        return in_balls(points, labelled, radii) | rows.labelled, float(radii.mean())


def _competence(coverage: float) -> float:
    whole = 1 + math.exp(-STEEPNESS * (1 - CENTRE))
    return whole / (1 + math.exp(-STEEPNESS * (coverage - CENTRE)))


def _scaled(values: Tensor) -> Tensor:
    """Scale values to 0 .. 1; equal values become 0."""
    low, high = values.amin(), values.amax()
    return (values - low) / (high - low) if bool(high > low) else torch.zeros_like(values)
