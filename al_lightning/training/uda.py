"""Unsupervised data augmentation for classification."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingBatch, TrainingModule
from al_lightning.training.functional import Annealing, annealed_cross_entropy, annealed_threshold, consistency
from al_lightning.types import NetworkOutput


class UDA(TrainingModule):
    """Cross-entropy on labelled images, and unlabelled ones are to look the same when augmented (Xie et al. 2020).

    Labelled, original and augmented images go through the network in one batch, so that BatchNorm sees them together
    (Eq. 7). Everything below the first three is off, as the study does not mention it.

    Args:
        temperature: sharpens the prediction for the original.
        threshold: originals whose highest probability does not exceed it do not count.
        weight: of the consistency loss.
        annealing: training signal annealing: labelled images that are already right do not train, up to a probability
            that rises `linear`, `log` or `exp`.
        ema: decay of an average of weights and BatchNorm statistics over the steps, which is tested and scored instead
            of the last weights; 0 for none.
        network: see TrainingModule, as for the rest.
        task: likewise.
        steps: likewise.
        key: likewise.
        **options: likewise.
    """

    serves: ClassVar[Literal["image", "pixel", "any"]] = "image"
    title: ClassVar[str] = "UDA"
    views: ClassVar[tuple[str, ...]] = ("original", "augmented")

    def __init__(
        self,
        network: Network,
        task: Task,
        steps: int,
        key: tuple[int, int, int],
        *,
        temperature: float = 0.5,
        threshold: float = 0.6,
        weight: float = 1.0,
        annealing: Annealing | None = None,
        ema: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(network, task, steps, key, **options)
        require("training.temperature", temperature, above=0)
        require("training.threshold", threshold, least=0, below=1)
        require("training.weight", weight, least=0)
        require("training.ema", ema, least=0, below=1)
        self.temperature = temperature
        self.threshold = threshold
        self.weight = weight
        self.annealing = annealing
        self.ema = ema
        self.average = copy.deepcopy(self.network).requires_grad_(False) if ema else None

    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Return the terms of the labelled batch and the consistency loss."""
        labelled, original, augmented = batch["labelled"], batch["original"], batch["augmented"]
        sizes = [len(part.image) for part in (labelled, original, augmented)]
        output = self.network(torch.cat([labelled.image, original.image, augmented.image]))
        logits = torch.split(output.logits, sizes)
        guess = None if output.predicted_loss is None else output.predicted_loss[: sizes[0]]
        terms = self.supervised(NetworkOutput(logits[0], guess), labelled)
        if self.annealing is not None:
            threshold = annealed_threshold(self.step / self.steps, logits[0].shape[1], self.annealing)
            terms["loss"] = annealed_cross_entropy(logits[0], labelled.label, threshold)
        loss, self.shown["share_confident"] = consistency(logits[1], logits[2], self.temperature, self.threshold)
        terms["consistency"] = self.weight * loss
        return terms

    def on_train_batch_end(self, outputs: Any, batch: TrainingBatch, batch_idx: int) -> None:
        """Follow the weights; after the last step the average takes their place."""
        super().on_train_batch_end(outputs, batch, batch_idx)
        if self.average is None:
            return
        new, old = self.network.state_dict(), self.average.state_dict()
        for name, value in old.items():
            if value.is_floating_point():
                value.lerp_(new[name].to(value.dtype), 1 - self.ema)
            else:
                value.copy_(new[name])
        if self.step == self.steps:
            self.network.load_state_dict(old)
