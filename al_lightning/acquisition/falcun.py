"""FALCUN: uncertain images whose predictions differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_margin, mean_probability, require_finite
from al_lightning.acquisition.functional.draws import winner
from al_lightning.acquisition.limits import Allowed
from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class FALCUN(Acquisition):
    """Draws images by uncertainty and by distance in the space of class probabilities (Gilhuber et al. 2024).

    An image's relevance is 1 minus its margin, plus its distance from the nearest choice, scaled to [0, 1] over the
    images that are left; it is drawn with a probability proportional to relevance^gamma. Distances are sums of absolute
    differences of probabilities; before the first choice they are the uncertainties. For segmentation both margins and
    probabilities are means over pixels. The score of a choice is its relevance when it was drawn.

    Args:
        gamma: 0 draws uniformly; the larger, the nearer to the highest relevance.
    """

    keeps_limits: ClassVar[bool] = True

    def __init__(self, gamma: float = 10.0) -> None:
        require("acquisition.gamma", gamma, least=0)
        self.gamma = gamma

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return 1 minus the margin, (B, 1), and class probabilities, (B, C)."""
        logits = network(batch.image).logits
        return {"uncertainty": (1 - mean_margin(logits))[:, None], "probability": mean_probability(logits)}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Draw images by their relevance."""
        uncertainty, probability = rows.part("uncertainty")[:, 0].double(), rows.part("probability").double()
        require_finite(rows, uncertainty, probability)
        allowed, nearest = Allowed(rows), uncertainty
        chosen: list[int] = []
        scores: list[float] = []
        for _ in range(count):
            value = relevance(uncertainty, nearest, allowed.open)
            row = winner(torch.where(allowed.open, self.gamma * value.log(), -torch.inf), rows.index, generator)
            chosen.append(row)
            scores.append(float(value[row]))
            allowed.take(row)
            nearest = torch.minimum(nearest, (probability - probability[row]).abs().sum(dim=1))
        return Selection(rows.index[chosen].tolist(), scores)


def relevance(uncertainty: Tensor, distance: Tensor, left: Tensor) -> Tensor:
    """Return uncertainty plus distance, scaled to [0, 1] over the rows that are left (0 where all are equal).

    Args:
        uncertainty: (N,).
        distance: (N,).
        left: (N,) bool, at least one.

    Returns:
        (N,) float64, positive; meaningless for other rows.
    """
    low, high = distance[left].min(), distance[left].max()
    scaled = (distance - low) / (high - low) if high > low else torch.zeros_like(distance)
    # Above 0, so that certain images can still be drawn, uniformly, where no others are left.
    return (uncertainty + scaled).double().clamp(min=1e-12)
