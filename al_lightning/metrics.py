"""Metrics: their names in the journal, and the titles that people read. No torch.

A task names its metrics, the main one first (see `tasks`). Each is stored as a fraction of 1, or as a list of such
fractions, one a class; more is better, and it is shown in percent. A difference of two is in points of percent.
"""

from __future__ import annotations

from dataclasses import dataclass

PERCENT = 100.0
"""What a stored fraction is multiplied with, to be shown in percent."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: in the journal.
        title: in sentences, tables and charts.
        counts_images: whether it is the share of the test images that are right, so that the number of test images
            alone tells its standard error.
    """

    name: str
    title: str
    counts_images: bool = False


ACCURACY = Metric("accuracy", "accuracy", counts_images=True)
CLASS_ACCURACY = Metric("class_accuracy", "accuracy by class")
MIOU = Metric("miou", "mIoU")
CLASS_IOU = Metric("class_iou", "IoU by class")
PIXEL_ACCURACY = Metric("pixel_accuracy", "pixel accuracy")

METRICS = {metric.name: metric for metric in (ACCURACY, CLASS_ACCURACY, MIOU, CLASS_IOU, PIXEL_ACCURACY)}


def metric_of(name: str) -> Metric:
    """Return the metric of a stored name; one that is not of this package has no other title."""
    return METRICS.get(name, Metric(name, name))


def percent(value: float) -> str:
    """Return a stored value as text: `67.69 %`."""
    return f"{PERCENT * value:.2f} %"
