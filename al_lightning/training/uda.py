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
    """UDA: cross-entropy on labelled images, and consistency of unlabelled images (Xie et al. 2020).

    The prediction for an augmented image is trained towards that for the original. Labelled, original and augmented
    images go through the network in one batch, so that BatchNorm sees them together. `annealing` and `ema` are off by
    default, as the paper does not mention them.

    Args:
        temperature: divisor of the original's logits, which sharpens its prediction.
        threshold: originals whose highest probability does not exceed it do not count.
        weight: weight of the consistency loss.
        annealing: training signal annealing: labelled images do not train once their class's probability exceeds a
            threshold, which rises over the fit as `linear`, `log` or `exp`.
        ema: decay of a moving average of weights and BatchNorm statistics, which is tested and scored instead of the
            last weights; 0 for none.
        network: see TrainingModule, also for `task`, `steps`, `key` and `options`.
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
        """Update the average of the weights; after the last step it replaces them."""
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
