"""Entropy core-set: images that cover the uncertain part of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional import k_center_greedy, mean_entropy, require_finite, top_scores
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class EntropyCoreset(OnEmbeddings):
    """k-center greedy from the labelled images, among the most uncertain images by predictive entropy.

    The plain hybrid of practitioners. To shorten the pool to a multiple of the batch by uncertainty first is what
    Zhdanov (2019) does before clustering. The score of a choice is its distance when it was chosen. Constraints of the
    batch mask images of the shortlist; where they rule out all of it, the next shortlist follows.

    Args:
        shortlist: size of the shortlist, as a multiple of the number of images to choose.
        features: as for `OnEmbeddings`; entropies are always the run's own network's.
    """

    keeps_limits: ClassVar[bool] = True

    def __init__(self, shortlist: int = 10, features: str | None = None) -> None:
        require("acquisition.shortlist", shortlist, least=1)
        super().__init__(features)
        self.shortlist = shortlist

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return entropies in nats, (B, 1), and, unless `features` are read, embeddings, (B, D)."""
        features = network.encode(batch.image)
        parts = {"uncertainty": mean_entropy(network.decode(features).logits)[:, None]}
        return parts if self.features else parts | {"embedding": features.embedding}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Run k-center greedy on the shortlist."""
        require_finite(rows, rows.embedding)
        allowed, listed = Allowed(rows), torch.zeros_like(rows.labelled)
        chosen: list[int] = []
        scores: list[float] = []
        while len(chosen) < count:
            if not bool((listed & allowed.open).any()):
                open_rows = rows.only(rows.labelled | allowed.open)
                most = top_scores(open_rows, open_rows.part("uncertainty")[:, 0], self.shortlist * count).indices
                listed = torch.isin(rows.index, torch.tensor(most))
            # k-center goes on from the labelled and chosen rows, until it takes a row that its own choices rule out.
            kept = torch.nonzero(~allowed.free | (listed & allowed.open)).flatten()
            known, factor = ~allowed.free[kept], allowed.factor
            more = k_center_greedy(rows.embedding[kept], known, min(count - len(chosen), int((~known).sum())))
            for place, distance in zip(*more, strict=True):
                if not bool(allowed.open[row := int(kept[place])]) or allowed.factor != factor:
                    break
                allowed.take(row)
                chosen.append(row)
                # The first choice from a pool without labels has no distance: its score is 0, not infinity.
                scores.append(distance if np.isfinite(distance) else 0.0)
        return Selection(rows.index[chosen].tolist(), scores)
