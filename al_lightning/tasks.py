"""Tasks: the loss of a batch and the metrics of a test set, for classification and segmentation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
import torchmetrics
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from al_lightning.metrics import ACCURACY, CLASS_ACCURACY, CLASS_IOU, MIOU, PIXEL_ACCURACY, Metric

__all__ = ["IGNORE", "Classification", "Segmentation", "Task"]

IGNORE = 255
RESAMPLED = 400
"""Test sets that the bootstrap draws for a standard error, which is then known to within 4 %."""


class Task(ABC):
    """Loss and metrics.

    Args:
        num_classes: number of classes; the data sets it.
    """

    predicts: ClassVar[Literal["image", "pixel"]]
    """Whether there is a class per image or per pixel; network and data must agree."""
    metrics: ClassVar[tuple[Metric, ...]]
    """The metrics that `summary` returns, in its order; the first one is the main metric, which compares runs."""

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    @abstractmethod
    def loss_per_image(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return each image's loss, (B,) float32, in nats."""

    @abstractmethod
    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the batch's loss, a scalar, in nats."""

    def confusion(self) -> torchmetrics.Metric:
        """Return an empty confusion matrix, rows true and columns predicted, int64, summed over processes."""
        return MulticlassConfusionMatrix(self.num_classes)

    @abstractmethod
    def summary(self, confusion: Tensor) -> dict[str, Any]:
        """Return the values of `metrics` by name, fractions of 1 or lists of them, of a (C, C) confusion matrix."""

    def guessed(self, confusion: Tensor) -> float:
        """Return the main metric of the best guess that looks at no image, from a (C, C) confusion matrix.

        There are two: always the commonest class, and each class as often as it occurs.
        """
        count = confusion.double().cpu().sum(dim=1)
        commonest = torch.zeros(len(count), len(count), dtype=torch.float64)
        commonest[:, int(count.argmax())] = count
        as_often = torch.outer(count, count) / count.sum().clamp(min=1)
        main = self.metrics[0]
        values = [self.summary(matrix)[main.name] for matrix in (commonest, as_often)]
        return float(max(values, key=lambda value: main.sign * value))

    @property
    def counts_images(self) -> bool:
        """Whether `standard_error` needs the counts of each image beside the confusion matrix."""
        return False

    def image_counts(self, predicted: Tensor, label: Tensor) -> Tensor:
        """Return the counts of each image, (B, C, 3) int32, of predictions and labels of one shape, int64."""
        raise NotImplementedError

    def standard_error(self, confusion: Tensor, counts: Tensor | None, draw: np.random.Generator) -> float | None:
        """Return the standard error of the main metric, from the choice of the test images; None where it is not known.

        A single image does not tell it.

        Args:
            confusion: (C, C), of the test set.
            counts: of its images, in their order, (N, C, 3), where the task counts them.
            draw: generator of a bootstrap.
        """
        return None

    def named(self, *values: float | list[float | None]) -> dict[str, Any]:
        """Return the values of `metrics`, given in their order, by name."""
        return {metric.name: value for metric, value in zip(self.metrics, values, strict=True)}


class Classification(Task):
    """One class per image: cross-entropy and accuracy."""

    predicts: ClassVar[Literal["image", "pixel"]] = "image"
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, CLASS_ACCURACY)

    def loss_per_image(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the cross-entropy of (B, C) logits against (B,) classes, (B,)."""
        return F.cross_entropy(logits.float(), label, reduction="none")

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        return self.loss_per_image(logits, label).mean()

    def summary(self, confusion: Tensor) -> dict[str, Any]:
        """Return `accuracy` and `class_accuracy` (recall of each class, null for absent ones)."""
        matrix = confusion.double().cpu()
        right, count = matrix.diag(), matrix.sum(dim=1)
        return self.named(
            float(right.sum() / count.sum()) if count.sum() else 0.0,
            [float(r / n) if n else None for r, n in zip(right, count, strict=True)],
        )

    def standard_error(self, confusion: Tensor, counts: Tensor | None, draw: np.random.Generator) -> float | None:
        """Return the binomial standard error of the accuracy."""
        if self.metrics[0] != ACCURACY or (images := int(confusion.sum())) < 2:
            return None
        accuracy = float(confusion.diag().sum()) / images
        return float((accuracy * (1 - accuracy) / images) ** 0.5)


class Segmentation(Task):
    """One class per pixel: cross-entropy and mean intersection over union.

    Args:
        num_classes: number of classes; the data sets it.
        absent_classes: `skip` leaves a class that is neither in the labels nor in the predictions out of the mean,
            `zero` counts it as 0, as the code published with the paper does.
    """

    predicts: ClassVar[Literal["image", "pixel"]] = "pixel"
    metrics: ClassVar[tuple[Metric, ...]] = (MIOU, CLASS_IOU, PIXEL_ACCURACY)

    def __init__(self, num_classes: int, absent_classes: Literal["skip", "zero"] = "skip") -> None:
        super().__init__(num_classes)
        self.absent_classes = absent_classes

    def confusion(self) -> torchmetrics.Metric:
        """Return an empty confusion matrix that leaves ignored pixels out."""
        return MulticlassConfusionMatrix(self.num_classes, ignore_index=IGNORE)

    def _pixels(self, logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), label.long(), ignore_index=IGNORE, reduction="none")

    def loss_per_image(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return each image's mean over its labelled pixels, (B,); 0 for an image without any."""
        pixels = self._pixels(logits, label).flatten(1)
        return pixels.sum(dim=1) / (label != IGNORE).flatten(1).sum(dim=1).clamp(min=1)

    def loss(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the mean over all labelled pixels of the batch; 0 without any."""
        return self._pixels(logits, label).sum() / (label != IGNORE).sum().clamp(min=1)

    def summary(self, confusion: Tensor) -> dict[str, Any]:
        """Return `miou`, `class_iou` (null for absent classes) and `pixel_accuracy`.

        A class that is predicted but is not in the labels counts as 0, as in public benchmarks.
        """
        matrix = confusion.double().cpu()
        right = matrix.diag()
        iou = self._iou(right, matrix.sum(dim=0), matrix.sum(dim=1))
        return self.named(
            float(self._mean(iou)),
            [None if value.isnan() else float(value) for value in iou],
            float(right.sum() / matrix.sum().clamp(min=1)),
        )

    def _iou(self, right: Tensor, predicted: Tensor, label: Tensor) -> Tensor:
        """Return the IoU of each class, NaN for an absent class, from counts of pixels, (..., C) float64 each."""
        union = predicted + label - right
        return torch.where(union > 0, right / union.clamp(min=1), torch.nan)

    def _mean(self, iou: Tensor) -> Tensor:
        """Return the mean over classes, (...,), from (..., C)."""
        mean = iou.nan_to_num(0.0).mean(dim=-1) if self.absent_classes == "zero" else iou.nanmean(dim=-1)
        return mean.nan_to_num(0.0)

    @property
    def counts_images(self) -> bool:
        """Whether the main metric is the mean IoU, whose standard error a bootstrap over images gives."""
        return self.metrics[0] == MIOU

    def image_counts(self, predicted: Tensor, label: Tensor) -> Tensor:
        """Return each image's labelled pixels by class: right ones, predicted ones, and those of the label."""
        images, classes = len(label), self.num_classes
        place = torch.arange(images, device=label.device).view(-1, 1, 1) * classes
        known = label != IGNORE
        right, guess, truth = known & (predicted == label), place + predicted, place + label
        counted = (truth[right], guess[known], truth[known])
        counts = [torch.bincount(each, minlength=images * classes).view(images, classes) for each in counted]
        return torch.stack(counts, dim=-1).int()

    def standard_error(self, confusion: Tensor, counts: Tensor | None, draw: np.random.Generator) -> float | None:
        """Return the bootstrap's standard error of the mean IoU: the deviation over test sets drawn from the images."""
        if counts is None or len(counts) < 2:
            return None
        images = len(counts)
        pixels = counts.cpu().double().flatten(1).numpy()
        # Sums of whole numbers below 2^53 are exact, in any order: the same on every machine.
        drawn = [np.bincount(draw.integers(images, size=images), minlength=images) @ pixels for _ in range(RESAMPLED)]
        right, predicted, label = torch.from_numpy(np.stack(drawn)).view(RESAMPLED, -1, 3).unbind(dim=-1)
        return float(self._mean(self._iou(right, predicted, label)).std())
