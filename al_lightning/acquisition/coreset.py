"""Images that cover the pool: k-center greedy on embeddings."""

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
    """k-center greedy (Sener and Savarese 2018): each choice is the farthest from everything labelled or chosen.

    The embedding is the network's: pooled penultimate features of a classifier, pooled ASPP output of DeepLabV3+.
    The score of a choice is its distance when chosen.
    """

    reads_labelled: ClassVar[bool] = True

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, D) embeddings; the decoder is not run."""
        return network.encode(batch.image).embedding

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Run k-center greedy with the labelled images as first centres."""
        features = rows.value[0]
        if not bool(torch.isfinite(features).all()):
            row = int(torch.nonzero(~features.isfinite().all(dim=1))[0, 0])
            raise ALError(
                f"The embedding of image {int(rows.index[row])} is not finite; the network's weights are not sound."
            )
        chosen, distances = k_center_greedy(features, rows.labelled, count)
        # The very first choice of an unlabelled pool is far from nothing: its score is 0, not infinity.
        return Selection(rows.index[chosen].tolist(), [d if np.isfinite(d) else 0.0 for d in distances])
