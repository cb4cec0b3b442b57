"""Training on the labelled images alone."""

from __future__ import annotations

from torch import Tensor

from al_lightning.training.base import TrainingBatch, TrainingModule


class Supervised(TrainingModule):
    """Cross-entropy on labelled images."""

    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Return the task's loss of the labelled batch."""
        labelled = batch["labelled"]
        return {"loss": self.task.loss(self.network(labelled.image).logits, labelled.label)}
