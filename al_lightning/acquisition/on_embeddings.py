"""What strategies on embeddings share: where the embeddings come from, and that they are finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.errors import ALError
from al_lightning.networks.base import Network
from al_lightning.types import Batch, SelectionInputs


class OnEmbeddings(Acquisition):
    """A strategy that compares embeddings, of labelled images too.

    Args:
        features: network part of a run's name (`efficientnet`) whose frozen encoder makes the embeddings; None for
            those of the run's own network: pooled penultimate features of a classifier, pooled ASPP output of
            DeepLabV3+.
    """

    reads_labelled: ClassVar[bool] = True

    def __init__(self, features: str | None = None) -> None:
        self.features = features
        self.needs_network = features is None or type(self).score is not OnEmbeddings.score

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return embeddings, (B, D), without running the decoder."""
        return {"embedding": network.encode(batch.image).embedding}

    def finite_embedding(self, rows: SelectionInputs) -> Tensor:
        """Return the embeddings, (N, D).

        Raises:
            ALError: one is not finite; the message names the image.
        """
        embedding = rows.embedding
        # The sum first: it takes a hundredth of the time.
        if not bool(embedding.sum().isfinite()) and not bool(torch.isfinite(embedding).all()):
            row = int(torch.nonzero(~embedding.isfinite().all(dim=1))[0, 0])
            what = "features that are read" if self.features else "training of the network"
            raise ALError(f"The embedding of image {int(rows.index[row])} is not finite; check the {what}.")
        return embedding
