"""s4GAN: semi-supervised segmentation with a discriminator, by manual optimization."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.networks.discriminator import Discriminator
from al_lightning.tasks import IGNORE, Task
from al_lightning.training.base import TrainingBatch, TrainingModule
from al_lightning.training.functional import feature_matching, real_map, self_training


class S4GAN(TrainingModule):
    """s4GAN: segmentation that learns from unlabelled images too (Mittal et al. 2021).

    A discriminator learns to tell labels from predictions. The network's loss is the cross-entropy of labelled images,
    plus the distance between the discriminator's mean features of labels and of predictions for unlabelled images, plus
    the cross-entropy of unlabelled images towards their own predictions where the discriminator takes these for labels.

    The discriminator sees a class map and its image, scaled to 0..1 by the range of the step's images over all
    processes. Means over the batch are over all processes. Tests use the network without the discriminator.

    Args:
        matching_weight: weight of the distance of features.
        self_training_weight: weight of the cross-entropy towards own predictions.
        gamma: an unlabelled image takes part in the latter where the discriminator's probability is above. Its authors
            have 0.6 for VOC, and for Cityscapes 0.7 with DeepLabV2 and 0.55 with WRN-38; the configs of driving images
            set 0.7.
        discriminator_lr: learning rate of the discriminator's Adam (0.9, 0.99), with the network's schedule.
        network: see TrainingModule, also for `task`, `steps`, `key` and `options`.
    """

    serves: ClassVar[Literal["image", "pixel", "any"]] = "pixel"
    title: ClassVar[str] = "s4GAN"
    views: ClassVar[tuple[str, ...]] = ("unlabelled",)
    leaves_parameters_unused: ClassVar[bool] = True
    # Beside a large network the discriminator's ten passes cost nothing, beside a small one more than the network's.
    step_passes: ClassVar[tuple[float, float]] = (3.0, 10.0)

    def __init__(
        self,
        network: Network,
        task: Task,
        steps: int,
        key: tuple[int, int, int],
        *,
        matching_weight: float = 0.1,
        self_training_weight: float = 1.0,
        gamma: float = 0.6,
        discriminator_lr: float = 1e-4,
        **options: Any,
    ) -> None:
        super().__init__(network, task, steps, key, **options)
        require("training.matching_weight", matching_weight, least=0)
        require("training.self_training_weight", self_training_weight, least=0)
        require("training.gamma", gamma, least=0, most=1)
        require("training.discriminator_lr", discriminator_lr, above=0)
        self.automatic_optimization = False
        self.matching_weight = matching_weight
        self.self_training_weight = self_training_weight
        self.gamma = gamma
        self.discriminator_lr = discriminator_lr
        self.discriminator = Discriminator(self.task.num_classes)

    def configure_optimizers(self) -> Any:
        """Return the network's optimizer and the discriminator's, each with the schedule."""
        optimizers = [
            self.network_optimizer(),
            torch.optim.Adam(self.discriminator.parameters(), lr=self.discriminator_lr, betas=(0.9, 0.99)),
        ]
        return optimizers, [self.scheduled(optimizer) for optimizer in optimizers]

    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Return the network's terms, and keep the class maps for the discriminator's step."""
        labelled, unlabelled = batch["labelled"], batch["unlabelled"]
        # Two passes, as published: BatchNorm sees labelled and unlabelled images separately.
        output = self.network(labelled.image)
        guess = self.network(unlabelled.image).logits
        terms = self.supervised(output, labelled)

        low, high = self._range(labelled.image, unlabelled.image)
        real = real_map(labelled.label, output.logits.detach().softmax(dim=1), IGNORE)
        self._real = real, (labelled.image - low) / (high - low)
        fake = guess.softmax(dim=1)
        self._fake = fake.detach(), (unlabelled.image - low) / (high - low)

        judged = self.discriminator(fake, self._fake[1])
        with torch.no_grad():
            feature = self.discriminator(*self._real).feature
        matching = feature_matching(self._mean(feature), self._mean(judged.feature))
        terms["feature_matching"] = self.matching_weight * matching

        score = judged.logit.sigmoid()
        total, count = self_training(guess, score, self.gamma, unlabelled.label, IGNORE)
        # DDP averages over processes; the mean must be over the pixels of all of them.
        share = self.trainer.world_size / self._sum(count).clamp(min=1)
        terms["self_training"] = self.self_training_weight * total * share
        self.shown["share_confident"] = (score.detach() > self.gamma).float().mean()
        return terms

    def discriminator_loss(self) -> Tensor:
        """Return the mean cross-entropy of telling this step's labels (1) from its predictions (0)."""
        fake, real = self.discriminator(*self._fake).logit, self.discriminator(*self._real).logit
        of_fake = F.binary_cross_entropy_with_logits(fake.float(), torch.zeros_like(fake, dtype=torch.float32))
        of_real = F.binary_cross_entropy_with_logits(real.float(), torch.ones_like(real, dtype=torch.float32))
        return (of_fake + of_real) / 2

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> None:  # type: ignore[override]
        """Take a step of network and discriminator, with gradients at the same weights."""
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()

        self.toggle_optimizer(optimizers[0])
        terms = self.losses(batch)
        total = torch.stack(list(terms.values())).sum()
        self.manual_backward(total)
        self.untoggle_optimizer(optimizers[0])

        self.toggle_optimizer(optimizers[1])
        self.shown["discriminator"] = self.discriminator_loss()
        self.manual_backward(self.shown["discriminator"])
        self.untoggle_optimizer(optimizers[1])

        for optimizer, scheduler in zip(optimizers, self.lr_schedulers(), strict=True):  # type: ignore[arg-type]
            optimizer.step()
            scheduler.step()
        self.log_step(total + self.shown["discriminator"].detach(), terms)
        del self._real, self._fake

    def _several(self) -> bool:
        return self.trainer.world_size > 1

    def _sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes, without gradient."""
        value = value.detach().clone()
        if self._several():
            dist.all_reduce(value)
        return value

    def _mean(self, feature: Tensor) -> Tensor:
        """Return the mean over the images of all processes, (D,), from (B, D).

        The gradient on each process is that of its own mean; DDP's average of these is the gradient of the whole mean.
        """
        own = feature.float().mean(dim=0)
        return own + (self._sum(own) / self.trainer.world_size - own.detach()) if self._several() else own

    def _range(self, *images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the lowest and the highest value of images over all processes."""
        ends = torch.stack([end for part in images for end in (-part.min(), part.max())]).view(-1, 2).amax(dim=0)
        if self._several():
            dist.all_reduce(ends, dist.ReduceOp.MAX)
        low, high = -ends[0], ends[1]
        return low, torch.maximum(high, low + 1e-6)
