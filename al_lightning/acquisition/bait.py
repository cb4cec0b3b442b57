"""BAIT: images that tell most about the classifier's weights, for the pool's sake."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.functional.fisher import forward_backward, least_penalty
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_head import OnHead
from al_lightning.errors import UsageError, require
from al_lightning.networks.base import Network
from al_lightning.types import Selection, SelectionInputs

MOST_WEIGHTS = 2000
"""Weights of the head, above which their matrix of information is too large."""


class BAIT(OnHead):
    """Lowest trace of the pool's Fisher information in the inverse of the labelled images' (Ash et al. 2021).

    Twice as many images as asked for are added greedily, then half of them are taken out again (Algorithm 1). The
    information is that of the linear head's weights, C x D of them, at most 2,000. The score of a choice is by how much
    it lowered the trace when it was added. Memory is 16 C^2 bytes an image, several times over.

    Embeddings are taken as they are, as in the paper. Where lambda is less than a millionth of an image's information
    (the trace), rounding would decide; lambda is then that millionth, and the run says so. This does not change
    choices by embeddings of usual lengths, as standardised ones would.

    Args:
        penalty: lambda, the curvature of the penalty on the weights.
    """

    reads_labelled: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, penalty: float = 1.0) -> None:
        require("acquisition.penalty", penalty, above=0)
        self.penalty = penalty

    def check(self, network: Network) -> None:
        """Refuse a network without a linear head on its embedding, or with one of more than 2,000 weights."""
        super().check(network)
        head = network.head_on_embedding()
        if head is not None and head.weight.numel() > MOST_WEIGHTS:
            classes, width = head.weight.shape
            raise UsageError(
                f"BAIT inverts a matrix of all pairs of the head's weights, at most {MOST_WEIGHTS:,} of them, and "
                f"{classes:,} classes x {width:,} features are {classes * width:,}. Take a network of up to "
                f"{MOST_WEIGHTS // classes:,} features, or another strategy, such as badge."
            )

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Add images, and take out half of them."""
        embedding, head = self.finite_inputs(rows)
        probability = head(embedding).softmax(dim=1)
        penalty = max(self.penalty, least_penalty(embedding, probability))
        chosen, gains = forward_backward(embedding, probability, rows.labelled, count, Allowed(rows), penalty)
        note = "" if penalty == self.penalty else f"a penalty of {penalty:.3g}, for embeddings of this length"
        return Selection(rows.index[chosen].tolist(), gains, note)
