"""Learning loss: the images with the highest predicted loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.errors import ALError, UsageError, require
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.types import Batch


class LearningLoss(Acquisition):
    """Highest predicted loss among a random subset of the pool (Yoo and Kweon 2019).

    Args:
        subset: size of the random subset of unlabelled images that is scored in each cycle.
    """

    narrowed_by: ClassVar[str | None] = "subset"
    reads_pixels: ClassVar[bool] = True  # the loss predictor reads stages between, which stored features lack

    def __init__(self, subset: int = 10000) -> None:
        require("acquisition.subset", subset, least=1)
        self.subset = subset

    def candidates(self, pool: Pool, generator: np.random.Generator) -> Sequence[int]:
        """Return a random subset; all unlabelled images, without a draw, if the subset covers all of them."""
        unlabelled = pool.unlabelled
        if self.subset < len(unlabelled):
            unlabelled = generator.permutation(unlabelled)[: self.subset]
        return [int(index) for index in unlabelled]

    def check(self, network: Network) -> None:
        """Refuse a network without a loss predictor."""
        if network.loss_predictor is None:
            raise UsageError(
                f"LearningLoss needs a predicted loss, and this {type(network).__name__} predicts none: set "
                "--network.loss_predictor true."
            )

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return predicted losses, (B, 1), without running the decoder."""
        loss = network.predicted_loss(network.encode(batch.image))
        if loss is None:
            raise ALError(f"{type(network).__name__} has a loss predictor, but its predicted_loss gave None.")
        return loss[:, None]
