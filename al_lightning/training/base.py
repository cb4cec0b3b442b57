"""The base of all training methods: optimisation, reproducible noise, logging, evaluation."""

from __future__ import annotations

import math
import random
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from al_lightning.errors import TrainingError, UsageError, reason_of, require
from al_lightning.networks.base import Network
from al_lightning.tasks import Task
from al_lightning.training.curve import LossCurve
from al_lightning.training.functional import ranking_hinge
from al_lightning.training.measures import FitMeasures, Health, ImageCounts, count_predictions, measures_of_test
from al_lightning.training.schedules import Constant, Schedule
from al_lightning.types import Batch, NetworkOutput

Optimizer = Callable[[Iterable[Any]], torch.optim.Optimizer]
TrainingBatch = dict[str, Batch]


def sgd(parameters: Iterable[Any]) -> torch.optim.Optimizer:
    """Return SGD as in the paper: momentum 0.9, weight decay 5e-4."""
    return torch.optim.SGD(parameters, lr=0.03, momentum=0.9, weight_decay=5e-4)


def seed_global(seed: int) -> None:
    """Seed the global generators, for code of dependencies; this package's own code takes keys."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _check_options(optimizer: torch.optim.Optimizer) -> None:
    """Raise UsageError for a NaN among an optimizer's options, which torch accepts, and for a rate below 0."""
    for name, value in optimizer.defaults.items():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, float) and math.isnan(part):
                require(f"training.optimizer.{name}", part)
    for group in optimizer.param_groups:
        if isinstance(group["lr"], (int, float)):
            require("training.optimizer.lr", group["lr"], least=0)


class TrainingModule(LightningModule, ABC):
    """The base of training methods: a network and a task; a subclass adds the losses of a step.

    `losses` gets a dict of batches: `labelled`, and one for each of the method's `views` of unlabelled images. The sum
    of its terms is trained, and each term is logged. `supervised` also trains the network's loss predictor, if any.

    Args:
        network: the network, freshly initialised.
        task: loss and metrics; task and network must predict the same, classes of images or of pixels.
        steps: length of the fit in optimisation steps; schedules read it.
        key: (seed, cycle, member); every draw of the fit derives from it.
        optimizer: makes an optimizer of parameter groups.
        schedule: factor of the learning rate over the fit, applied per step.
        head_lr_factor: learning rate of all but the network's trunk, as a multiple of the base rate; a network without
            a trunk has the base rate alone.
        warm_up: steps over which the learning rates rise linearly from 0, in addition to the schedule.
        prediction_weight: weight of a loss predictor's ranking loss (Yoo and Kweon 2019).
        prediction_margin: margin of that loss.
        prediction_stop: share of the steps after which the ranking loss no longer trains the network itself.

    Attributes:
        step: number of finished steps, and so the number of the current step; a callback of the fit counts it.
    """

    serves: ClassVar[Literal["image", "pixel", "any"]] = "any"
    """What the task must predict a class for."""
    views: ClassVar[tuple[str, ...]] = ()
    """Views of unlabelled images that a step needs; `data.unlabelled` provides them."""
    title: ClassVar[str] = ""
    """Name of the method in tables and pages, for example "UDA"."""
    reads_features: ClassVar[bool] = False
    """Whether batches hold stored features of the network's encoder in place of images; see `Probe`."""
    leaves_parameters_unused: ClassVar[bool] = False
    """Whether a backward pass may leave parameters without gradient, as when two optimizers take turns."""
    step_passes: ClassVar[tuple[float, float]] = (3.0, 3.0)
    """Least and most forward passes that a step costs for each image of its batches; a backward pass costs about two.

    For the time that a run is expected to take before a run of its kind was timed.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        steps: int,
        key: tuple[int, int, int],
        *,
        optimizer: Optimizer = sgd,
        schedule: Schedule | None = None,
        head_lr_factor: float = 1.0,
        warm_up: int = 0,
        prediction_weight: float = 1.0,
        prediction_margin: float = 1.0,
        prediction_stop: float = 0.6,
    ) -> None:
        super().__init__()
        if self.serves not in ("any", task.predicts):
            methods = TrainingModule.__subclasses__()
            fitting = sorted(kind.__name__ for kind in methods if kind.serves in ("any", task.predicts))
            raise UsageError(
                f"{type(self).__name__} trains for a class per {self.serves}, but {type(task).__name__} is about a "
                f"class per {task.predicts}; methods that fit: {', '.join(fitting)}."
            )
        if network.predicts != task.predicts:
            raise UsageError(
                f"{type(network).__name__} predicts a class per {network.predicts}, but {type(task).__name__} "
                f"is about a class per {task.predicts}; name a network that fits."
            )
        require("training.head_lr_factor", head_lr_factor, least=0)
        require("training.warm_up", warm_up, least=0, most=10**9)
        require("training.prediction_weight", prediction_weight, least=0)
        require("training.prediction_margin", prediction_margin, least=0)
        require("training.prediction_stop", prediction_stop, least=0, most=1)
        self.network = network
        self.task = task
        self.steps = steps
        self.key = key
        self.optimizer = optimizer
        self.schedule = schedule or Constant()
        self.head_lr_factor = head_lr_factor
        self.warm_up = warm_up
        self.prediction_weight = prediction_weight
        self.prediction_margin = prediction_margin
        self.prediction_stop = prediction_stop
        self.confusion = task.confusion()
        self.measures = FitMeasures(task, steps)
        self.counts = ImageCounts()
        self.results: dict[str, Any] = {}
        self.health: Health = {}
        # Values to log beside the losses, for example the share of the images that took part.
        self.shown: dict[str, Tensor] = {}
        self.step = 0
        self._curve = LossCurve(steps)
        self.network_optimizer()  # reports wrong options before any training

    @classmethod
    def description(cls) -> str:
        """Return the kind of training: "supervised", or with `views` for example "semi-supervised (UDA)"."""
        kind = "semi-supervised" if cls.views else "supervised"
        return f"{kind} ({cls.title})" if cls.title else kind

    @abstractmethod
    def losses(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """Return the named scalar terms of this step's loss."""

    def supervised(self, output: NetworkOutput, labelled: Batch) -> dict[str, Tensor]:
        """Return the terms of a labelled batch: the task's loss, and the loss predictor's ranking loss if there is one.

        Args:
            output: the network's output for the labelled images.
            labelled: the batch.
        """
        terms = {"loss": self.task.loss(output.logits, labelled.label)}
        self.measures.add(self.step, terms["loss"], output.logits, labelled.label)
        if output.predicted_loss is not None:
            loss = self.task.loss_per_image(output.logits.detach(), labelled.label)
            ranking = ranking_hinge(output.predicted_loss, loss, self.prediction_margin)
            terms["loss_prediction"] = self.prediction_weight * ranking
        return terms

    def fit_health(self) -> Health:
        """Return the measures of the fit."""
        return self.measures.summary()

    @property
    def evaluated(self) -> Network:
        """The network that tests and scores the batches."""
        return self.network

    def rate(self, step: int) -> float:
        """Return the factor of the learning rates at a step."""
        rise = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        return rise * self.schedule(step / self.steps)

    def scheduled(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        """Return a scheduler that follows `rate` and is called once per step."""
        return torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)

    def network_optimizer(self) -> torch.optim.Optimizer:
        """Return a new optimizer of the network, with its own learning rate for the head.

        Raises:
            UsageError: the optimizer's options are wrong.
        """
        trunk = self.network.trunk()
        base = {id(parameter) for parameter in trunk.parameters()} if trunk is not None else set()
        parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if not parameters:
            raise UsageError(
                f"All of {type(self.network).__name__} is frozen, so there is nothing to train; "
                "`--network.freeze trunk` trains the classifier."
            )
        groups: list[dict[str, Any]] = [
            {"params": [parameter for parameter in parameters if id(parameter) in base]},
            {"params": [parameter for parameter in parameters if id(parameter) not in base], "head": trunk is not None},
        ]
        try:
            optimizer = self.optimizer([group for group in groups if group["params"]])
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"The optimizer refuses the options under training.optimizer: {reason_of(error)}."
            ) from error
        _check_options(optimizer)
        for group in optimizer.param_groups:
            if group.get("head"):
                group["lr"] *= self.head_lr_factor
        return optimizer

    def configure_optimizers(self) -> Any:
        """Schedule the rates per step."""
        optimizer = self.network_optimizer()
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduled(optimizer), "interval": "step"}}

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        """Take a step.

        Raises:
            TrainingError: the optimizer itself fails with these options or gradients.
        """
        try:
            super().optimizer_step(*arguments, **options)
        except RuntimeError as error:
            *_, (frame, _) = traceback.walk_tb(error.__traceback__)
            # Errors of memory or of a device have their own classes and can occur anywhere.
            inside = frame.f_globals.get("__name__", "").startswith("torch.optim.")
            if not inside or type(error) is not RuntimeError:
                raise
            raise TrainingError(
                f"The optimizer under training.optimizer fails at step {self.step}: {reason_of(error)}."
            ) from error

    def on_train_batch_start(self, batch: TrainingBatch, batch_idx: int) -> None:
        """Stop the ranking loss's gradient to the network after `prediction_stop` of the steps."""
        if (predictor := self.network.loss_predictor) is not None:
            predictor.stop_gradient = self.step >= self.prediction_stop * self.steps

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """Return the sum of the loss terms."""
        terms = self.losses(batch)
        total = torch.stack(list(terms.values())).sum()
        self.log_step(total, terms)
        return total

    def on_train_batch_end(self, outputs: Any, batch: TrainingBatch, batch_idx: int) -> None:
        """Log the mean losses where the training curve has a point."""
        if not self._curve.is_due(self.step):
            return
        self._curve.check(self.key)
        if (means := self._curve.take()) and self.logger is not None:
            groups = (group for optimizer in self.trainer.optimizers for group in optimizer.param_groups)
            rates = {f"train/lr_{number}": float(group["lr"]) for number, group in enumerate(groups)}
            self.logger.log_metrics({**means, **rates}, step=self.step)

    def on_train_epoch_end(self) -> None:
        """Check and gather the losses before the checkpoint is written."""
        self._curve.check(self.key)
        self.measures.gather(self.trainer.world_size)

    def log_step(self, total: Tensor, terms: dict[str, Tensor]) -> None:
        """Add this step to the next point of the training curves.

        Args:
            total: the trained loss; it must be finite.
            terms: the scalars that are its summands; `shown` is logged too.
        """
        whole = {"total": total} if len(terms) > 1 else {}
        self._curve.add(self.step, total, {**terms, **whole, **self.shown})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the losses since the last point of the curves, and the measures."""
        checkpoint["al_losses"] = self._curve.state()
        checkpoint["al_measures"] = self.measures.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the losses since the last point of the curves, and the measures."""
        self._curve.restore(checkpoint["al_losses"])
        self.measures.restore(checkpoint["al_measures"])

    def on_test_epoch_start(self) -> None:
        """Start from an empty confusion matrix."""
        self.confusion.reset()
        self.counts.reset()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Count predictions; padding is dropped, so that each test image counts once."""
        if self.task.counts_images:
            images = int(self.trainer.num_test_batches[0]) * len(batch.index)
            self.counts.make_room(images, self.task.num_classes, batch.index)
        count_predictions(self.evaluated, batch, self.task, self.confusion, self.counts)

    def on_test_epoch_end(self) -> None:
        """Sum over processes, and store plain numbers in `results` and `health`."""
        confusion = self.confusion.compute()
        self.results = self.task.summary(confusion)
        counts = self.counts.gathered(self.trainer.world_size, self.all_gather)
        self.health = measures_of_test(self.task, confusion, counts, self.key)
