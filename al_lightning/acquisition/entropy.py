"""Entropy: the most uncertain images by predictive entropy."""

from __future__ import annotations

from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_entropy
from al_lightning.networks.base import Network
from al_lightning.types import Batch


class Entropy(Acquisition):
    """Highest predictive entropy; for segmentation the mean over pixels (Eq. 3-4 of Mittal et al. 2025)."""

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) entropies in nats."""
        return mean_entropy(network(batch.image).logits)[:, None]
