"""Least confidence: the images whose most probable class is least probable."""

from __future__ import annotations

from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_least_confidence
from al_lightning.networks.base import Network
from al_lightning.types import Batch


class LeastConfidence(Acquisition):
    """Smallest highest probability (Lewis and Gale 1994); for segmentation the pixels' mean.

    The score is 1 minus that probability, so that the highest score is chosen.
    """

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) scores in [0, 1 - 1 / C]."""
        return mean_least_confidence(network(batch.image).logits)[:, None]
