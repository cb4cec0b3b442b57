"""Measures of whether training worked: losses and predictions of a fit's last batches, and the error of its test.

They are numbers, or lists of class numbers, by name, and go into the journal; `results.health` judges them. All floats
have four significant digits, so that a machine's rounding does not show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torchmetrics import Metric

from al_lightning.networks.base import Network, predicted_classes
from al_lightning.seeding import generator
from al_lightning.tasks import Task
from al_lightning.types import Batch

Health = dict[str, Any]


class FitMeasures(nn.Module):
    """Measures of a fit's labelled batches: augmented images, as the network sees them while it trains.

    Losses are kept of the first tenth of the steps, of the last but one, and of the last, in this order; predictions
    are counted in the last.

    Args:
        task: the task.
        steps: length of the fit.
    """

    def __init__(self, task: Task, steps: int) -> None:
        super().__init__()
        self.task = task
        self.tenth = max(1, steps // 10)
        self.first = steps - 2 * self.tenth
        self.confusion = task.confusion()
        self.matrix: Tensor | None = None
        self.losses = torch.full((3 * self.tenth,), torch.nan, dtype=torch.float64)
        # Of this process. No buffer, since DistributedDataParallel would give every process the first one's.
        self._own = torch.empty(0)
        self._new: list[int] = []

    def add(self, step: int, loss: Tensor, logits: Tensor, label: Tensor) -> None:
        """Measure a step's labelled batch on this process; steps of other tenths cost nothing.

        Args:
            step: number of the step, from 0.
            loss: the task's loss, a scalar.
            logits: (B, C) or (B, C, H, W).
            label: of the batch.
        """
        places = [step] * (step < self.tenth) + [self.tenth + step - self.first] * (step >= self.first)
        if places and not len(self._own):  # small tensors left between a step's large ones would split freed memory
            self._own = torch.zeros(3 * self.tenth, device=loss.device)
        for place in places:  # two of them in a fit of one or two steps
            self._own[place] = loss.detach()
        self._new += places
        if step >= self.first + self.tenth:
            self.confusion.update(predicted_classes(logits.detach()), label.long())

    def gather(self, processes: int) -> None:
        """Add what all processes measured since the last call; all of them call this, before a checkpoint."""
        if not self._new:
            return
        values = self._own[self._new]
        if processes > 1:
            dist.all_reduce(values)
        self.losses[self._new] = values.double().cpu() / processes
        if self._new[-1] >= 2 * self.tenth:
            counted = self.confusion.compute().cpu()
            self.confusion.reset()
            self.matrix = counted if self.matrix is None else self.matrix + counted
        self._new = []

    def state(self) -> tuple[Tensor, Tensor | None]:
        """Return what a checkpoint keeps."""
        return self.losses, self.matrix

    def restore(self, state: tuple[Tensor, Tensor | None]) -> None:
        """Go on from a checkpoint."""
        self.losses, self.matrix = state

    def summary(self) -> Health:
        """Return the measures; without those that the training method does not give.

        `loss_start`, `loss_before` and `loss_end` are the mean losses of the first tenth of the steps, of the last but
        one, and of the last; `loss_error` is the standard error of the difference between the last two. `train` is the
        main metric on the batches of the last tenth, and `train_guess` what a guess that looks at no image has there.
        `train_never_predicted` are the classes of these batches that were not predicted, and `train_lacks` the classes
        without a label there.
        """
        health: Health = {}
        start, before, end = self.losses.view(3, self.tenth)
        if self.losses.isfinite().all():
            error = ((before.var() + end.var()) / self.tenth).sqrt() if self.tenth > 1 else None
            health |= finite(loss_start=start.mean(), loss_before=before.mean(), loss_end=end.mean(), loss_error=error)
        if (matrix := self.matrix) is not None and is_confusion(matrix):
            main = self.task.metrics[0].name
            health |= finite(train=self.task.summary(matrix)[main], train_guess=self.task.guessed(matrix))
            health["train_never_predicted"] = never_predicted(matrix)
            health["train_lacks"] = (matrix.sum(dim=1) == 0).nonzero().flatten().tolist()
        return health


class ImageCounts:
    """The counts of each test image, of one process until they are gathered.

    Memory for all of them is allocated once: small tensors left between a batch's large ones would split freed memory.
    """

    def __init__(self) -> None:
        self.index, self.value = torch.empty(0), torch.empty(0)
        self.reset()

    def reset(self) -> None:
        """Forget all counts."""
        self.kept = self.room = 0

    def make_room(self, images: int, classes: int, index: Tensor) -> None:
        """Allocate memory for the images of this process, padding included, where there is none yet."""
        if not self.room:
            self.room = images
            self.index = index.new_full((images,), -1)
            self.value = torch.zeros(images, classes, 3, dtype=torch.int32, device=index.device)

    def add(self, index: Tensor, counts: Tensor) -> None:
        """Keep the counts of a batch, (B, C, 3), of images at positions (B,)."""
        rows = slice(self.kept, self.kept + len(index))
        self.index[rows], self.value[rows] = index, counts
        self.kept = rows.stop

    def gathered(self, processes: int, gather: Callable[[Tensor], Any]) -> Tensor | None:
        """Return the counts of all processes' images, (N, C, 3), in the order of the test set; None without any.

        Args:
            processes: their number; every one has room for as many images.
            gather: returns a tensor of every process, stacked.
        """
        if not self.room:
            return None
        index, value = self.index, self.value
        if processes > 1:
            index, value = torch.as_tensor(gather(index)).flatten(), torch.as_tensor(gather(value)).flatten(0, 1)
        index, value = index.cpu(), value.cpu()
        order = torch.argsort(index)
        return value[order[index[order] >= 0]]


def count_predictions(network: Network, batch: Batch, task: Task, confusion: Metric, counts: ImageCounts) -> None:
    """Add a network's predictions for a batch of a test set to the confusion matrix, and to the counts of images."""
    real = batch.index >= 0
    if real.any():
        predicted = predicted_classes(network(batch.image).logits)[real]
        label = batch.label[real].long()
        confusion.update(predicted, label)
        if task.counts_images:
            counts.add(batch.index[real], task.image_counts(predicted, label))


def measures_of_test(task: Task, confusion: Tensor, counts: Tensor | None, key: tuple[int, int, int]) -> Health:
    """Return the measures of a test.

    `error` is the standard error of the main metric, from the choice of the test images. `guess` is what a guess that
    looks at no image has. `never_predicted` are the classes that are in the labels and were not predicted;
    `never_predicted_share` is the share of the labelled images, or pixels, that the largest of them has.

    Args:
        task: the task.
        confusion: (C, C), of the test set.
        counts: of its images, (N, C, 3), where the task counts them.
        key: (seed, cycle, member).
    """
    if not is_confusion(confusion) or not int(confusion.sum()):
        return {}
    error = task.standard_error(confusion, counts, generator("bootstrap", *key))
    never, label = never_predicted(confusion), confusion.double().cpu().sum(dim=1)
    share = label[never].max() / label.sum() if never else None
    return {
        **finite(guess=task.guessed(confusion), error=error),
        "never_predicted": never,
        **finite(never_predicted_share=share),
    }


def is_confusion(matrix: Tensor) -> bool:
    """Whether a task's confusion is a (C, C) matrix; a task from outside may count something else."""
    return matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]


def never_predicted(confusion: Tensor) -> list[int]:
    """Return the classes that are in the labels, the rows, and not in the predictions."""
    return ((confusion.sum(dim=1) > 0) & (confusion.sum(dim=0) == 0)).nonzero().flatten().tolist()


def finite(**values: float | Tensor | None) -> Health:
    """Return numbers with four significant digits, by name; without those that are not known or not finite."""
    known = {name: float(value) for name, value in values.items() if value is not None}
    return {name: float(f"{value:.4g}") for name, value in known.items() if math.isfinite(value)}
