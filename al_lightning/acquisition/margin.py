"""Margin: the images whose two most probable classes are closest."""

from __future__ import annotations

from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_margin
from al_lightning.networks.base import Network
from al_lightning.types import Batch


class Margin(Acquisition):
    """Smallest margin between the two highest probabilities (Scheffer et al. 2001); for segmentation the pixels' mean.

    The score is 1 minus the margin, so that the highest score is chosen.
    """

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) scores in [0, 1]."""
        return (1 - mean_margin(network(batch.image).logits))[:, None]
