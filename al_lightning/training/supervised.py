"""Training on the labelled images alone."""

from __future__ import annotations

from torch import Tensor

from al_lightning.training.base import TrainingBatch, TrainingModule


class Supervised(TrainingModule):
    """Cross-entropy on labelled images, and the loss predictor's ranking loss where the network has one."""

    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Return the terms of the labelled batch."""
        labelled = batch["labelled"]
        return self.supervised(self.network(labelled.image), labelled)
