"""EquAL: the most uncertain images by the entropy of two views."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_entropy
from al_lightning.networks.base import Network
from al_lightning.types import Batch


class EquAL(Acquisition):
    """Highest entropy of an image and its mirror image together (Mittal et al., Eq. 5; Golestaneh and Kitani 2020).

    Eq. 5 as printed: a sum of two entropies, without a term for the consistency of the two predictions.
    """

    reads_pixels: ClassVar[bool] = True
    score_passes: ClassVar[tuple[float, float]] = (2.0, 2.0)

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) sums of two entropies in nats; one view at a time, to need no more memory than `Entropy`."""
        plain, mirrored = (mean_entropy(network(view).logits) for view in (batch.image, batch.image.flip(-1)))
        return (plain + mirrored)[:, None]
