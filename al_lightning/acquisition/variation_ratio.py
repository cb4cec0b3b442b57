"""Variation ratio: the images on which an ensemble disagrees most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_entropy, top_scores, variation_ratio
from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class VariationRatio(Acquisition):
    """Smallest share of members that agree on the most frequent class; five members (Beluch et al. 2018, Eq. 1).

    Members are networks trained with different seeds. The ratio has five values; ties go to the higher mean entropy
    over members, then to the lower position.
    """

    members: ClassVar[int] = 5

    def check(self, network: Network) -> None:
        """Refuse a segmentation network, which predicts no class per image."""
        if network.predicts != "image":
            raise UsageError(
                f"VariationRatio compares classes of images, and {type(network).__name__} predicts classes of pixels; "
                "take another strategy for segmentation, for example bald."
            )

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return the predicted class, (B, 1), and the entropy in nats, (B, 1)."""
        logits = network(batch.image).logits
        return {"class": logits.argmax(dim=1, keepdim=True), "uncertainty": mean_entropy(logits)[:, None]}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Take the highest variation ratios."""
        classes, entropies = rows.value.unbind(dim=2)
        return top_scores(rows, variation_ratio(classes), count, entropies.mean(dim=0))
