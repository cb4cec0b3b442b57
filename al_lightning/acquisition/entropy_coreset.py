"""Entropy core-set: images that cover the uncertain part of the pool."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional import k_center_greedy, mean_entropy, require_finite, top_scores
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class EntropyCoreset(OnEmbeddings):
    """k-center greedy from the labelled images, among the most uncertain images by predictive entropy.

    The plain hybrid of practitioners. To shorten the pool to a multiple of the batch by uncertainty first is what
    Zhdanov (2019) does before clustering. The score of a choice is its distance when it was chosen.

    Args:
        shortlist: size of the shortlist, as a multiple of the number of images to choose.
        features: as for `OnEmbeddings`; entropies are always the run's own network's.
    """

    def __init__(self, shortlist: int = 10, features: str | None = None) -> None:
        require("acquisition.shortlist", shortlist, least=1)
        super().__init__(features)
        self.shortlist = shortlist

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return entropies in nats, (B, 1), and, unless `features` are read, embeddings, (B, D)."""
        features = network.encode(batch.image)
        parts = {"score": mean_entropy(network.decode(features).logits)[:, None]}
        return parts if self.features else parts | {"embedding": features.embedding}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Run k-center greedy on the shortlist."""
        require_finite(rows, rows.embedding)
        most_uncertain = top_scores(rows, rows.part("score")[:, 0], self.shortlist * count).indices
        rows = rows.only(rows.labelled | torch.isin(rows.index, torch.tensor(most_uncertain)))
        chosen, distances = k_center_greedy(rows.embedding, rows.labelled, count)
        # The first choice from a pool without labels has no distance: its score is 0, not infinity.
        return Selection(rows.index[chosen].tolist(), [d if np.isfinite(d) else 0.0 for d in distances])
