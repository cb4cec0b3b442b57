"""BADGE: images with large and different gradients of the last layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.acquisition.functional import require_finite, round_significant
from al_lightning.acquisition.functional.d2_sampling import Products, lengths, sample_distant
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class BADGE(OnEmbeddings):
    """k-means++ on gradient embeddings (Ash et al. 2020, Algorithm 1).

    An image's gradient embedding is q x z: z is its embedding, q the gradient of the loss in the logits if the
    predicted class is taken for the label (see `output_gradient`). The first choice has the longest gradient
    embedding. Each other one is drawn with a probability proportional to its squared distance from the nearest choice.
    The score of a choice is that distance; of the first choice, the length. Where all that may be chosen equals a
    choice, the lowest position is taken, with score 0.

    Args:
        features: as for `OnEmbeddings`; q is always the run's own network's.
    """

    reads_labelled: ClassVar[bool] = False
    keeps_limits: ClassVar[bool] = True

    def __init__(self, features: str | None = None) -> None:
        super().__init__(features)

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return q, (B, C), and, unless `features` are read, z, (B, D)."""
        features = network.encode(batch.image)
        parts = {"gradient": output_gradient(network.decode(features).logits)}
        return parts if self.features else parts | {"embedding": features.embedding}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Sample by squared distance."""
        vectors = Products(rows.part("gradient"), rows.embedding)
        require_finite(rows, *vectors)
        length, allowed = lengths(vectors), Allowed(rows)
        first = int(torch.where(allowed.open, round_significant(length), -1.0).argmax())
        chosen, squares = sample_distant(vectors, first, count, rows.index, allowed, generator)
        squares[0] = float(length[first])
        return Selection(rows.index[chosen].tolist(), np.sqrt(squares).tolist())


def output_gradient(logits: Tensor) -> Tensor:
    """Return q, which stands for the gradient of the cross-entropy in the logits at the predicted class.

    For a class an image it is that gradient, p - onehot(argmax p). For a class a pixel, the mean of the pixels'
    gradients would be the mean of p less the share of pixels predicted as each class: nearly 0 for every image whose
    probabilities are calibrated, since pixels cancel. Here q_c is minus the mean over all pixels of 1 - max p where c
    is predicted, and 0 elsewhere: the gradients' components at the predicted classes, which all have one sign.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B, C) float32.
    """
    probability = F.softmax(logits.float(), dim=1)
    highest, predicted = probability.max(dim=1)
    if logits.ndim == 2:
        return probability - F.one_hot(predicted, logits.shape[1])
    doubt, predicted = 1 - highest.flatten(1), predicted.flatten(1)
    return probability.new_zeros(logits.shape[:2]).scatter_add_(1, predicted, -doubt) / doubt.shape[1]
