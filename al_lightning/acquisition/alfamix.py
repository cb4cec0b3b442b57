"""ALFA-Mix: different images whose class changes on a small way towards labelled ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.acquisition.functional import round_significant
from al_lightning.acquisition.functional.cluster_choice import one_of_each_cluster
from al_lightning.acquisition.functional.draws import take_in_order
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_head import OnHead
from al_lightning.errors import require
from al_lightning.types import LinearHead, Selection, SelectionInputs


class ALFAMix(OnHead):
    """Images whose class flips if their embedding is mixed with a labelled class's mean (Parvaneh et al. 2022).

    Mixing is by feature, alpha x anchor + (1 - alpha) x embedding, with the alpha of length epsilon that raises the
    loss of the predicted class most, in closed form (Eq. 5). Embeddings of the images that flip, of length 1, are
    clustered by k-means, and the nearest image to each centroid is chosen. Where fewer images flip than are to be
    chosen, those follow that need the smallest epsilon. The score of a choice is 1 / (1 + the epsilon at which it
    flips, in units of 1 / sqrt(D)).

    Args:
        epsilon: length of alpha, in units of 1 / sqrt(D).
    """

    reads_labelled: ClassVar[bool] = True
    reads_labels: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, epsilon: float = 0.2) -> None:
        require("acquisition.epsilon", epsilon, above=0)
        self.epsilon = epsilon

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Cluster the images that flip."""
        embedding, head = self.finite_inputs(rows)
        assert rows.shares is not None
        anchors = class_means(embedding[rows.labelled], rows.shares[rows.labelled])
        needed = round_significant(flipping_epsilon(embedding, head, anchors) * embedding.shape[1] ** 0.5)
        allowed, free = Allowed(rows), ~rows.labelled
        shortlist = (free & (needed <= self.epsilon)).nonzero().flatten()
        chosen: list[int] = []
        if len(shortlist) > count:
            chosen = one_of_each_cluster(embedding, shortlist, count, allowed, generator)
        order = torch.where(free, needed, torch.inf).sort(stable=True).indices
        chosen += take_in_order(order, count - len(chosen), allowed)
        return Selection(rows.index[chosen].tolist(), (1 / (1 + needed[chosen])).tolist())


def class_means(embedding: Tensor, shares: Tensor) -> Tensor:
    """Return the mean embedding of each class that occurs, (A, D) float64; A is 0 without images.

    Args:
        embedding: (N, D), of labelled images.
        shares: (N, C), the share of each class among an image's labels, its weight in the class's mean.
    """
    weight = shares.double()[:, shares.sum(dim=0) > 0]
    return (weight / weight.sum(dim=0)).T @ embedding.double()


def flipping_epsilon(embedding: Tensor, head: LinearHead, anchors: Tensor) -> Tensor:
    """Return the length of alpha at which the class of a mixed embedding changes first, (N,) float64; inf for never.

    With the optimal alpha an embedding z moves by epsilon |anchor - z| along g, the unit gradient of the loss in z. Of
    all anchors the farthest moves it most, and the points of one class of a linear head are convex, so that a flip for
    any anchor is one for the farthest.

    Args:
        embedding: (N, D).
        head: linear classifier of embeddings.
        anchors: (A, D); without any, the distance to them counts as 1.
    """
    parts = []
    for z in torch.split(embedding, 4096):
        z = z.double()
        logits = head(z)
        predicted = logits.argmax(dim=1)
        own = predicted[:, None]
        # The gradient divided by 1 - p of the predicted class, which a sure network has rounded to 0.
        gradient = logits.scatter(1, own, -torch.inf).softmax(dim=1) @ head.weight - head.weight[predicted]
        along = F.normalize(gradient) @ head.weight.T
        # Where the way along the gradient meets the boundary to each other class.
        way = (logits.gather(1, own) - logits) / (along - along.gather(1, own))
        way = torch.where(along > along.gather(1, own), way, torch.inf).amin(dim=1)
        parts.append(way / torch.cdist(z, anchors).amax(dim=1) if len(anchors) else way)
    return torch.cat(parts).nan_to_num(nan=torch.inf, posinf=torch.inf)  # an anchor on a boundary: 0 / 0
