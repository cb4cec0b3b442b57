"""Core-set: k-center greedy on embeddings, so that the labelled images cover the pool."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import k_center_greedy
from al_lightning.errors import ALError
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class Coreset(Acquisition):
    """k-center greedy (Sener and Savarese 2018): each choice is the image farthest from all labelled or chosen images.

    The distance is between the network's embeddings: pooled penultimate features of a classifier, pooled ASPP output of
    DeepLabV3+. The score of a choice is its distance when it was chosen.
    """

    reads_labelled: ClassVar[bool] = True

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return embeddings, (B, D), without running the decoder."""
        return network.encode(batch.image).embedding

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Run k-center greedy from the labelled images."""
        features = rows.value[0]
        # The sum first: it takes a hundredth of the time.
        if not bool(features.sum().isfinite()) and not bool(torch.isfinite(features).all()):
            row = int(torch.nonzero(~features.isfinite().all(dim=1))[0, 0])
            raise ALError(
                f"The embedding of image {int(rows.index[row])} is not finite; check the training of the network."
            )
        chosen, distances = k_center_greedy(features, rows.labelled, count)
        # The first choice from a pool without labels has no distance: its score is 0, not infinity.
        return Selection(rows.index[chosen].tolist(), [d if np.isfinite(d) else 0.0 for d in distances])
