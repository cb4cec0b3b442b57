"""The table of metrics: name, title, unit, and which direction is better. No torch.

A task names its metrics, the main one first (see `tasks`), and the journal of a run records them. A class-wise metric
is a list of values, one a class.
"""

from __future__ import annotations

from dataclasses import dataclass

PERCENT = 100.0
"""Factor from a fraction of 1 to percent."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: in the journal.
        title: in sentences, tables and charts.
        unit: in which values are shown. The journal stores a metric in "%" as a fraction of 1, any other as shown.
        higher_is_better: whether a higher value is better.
    """

    name: str
    title: str
    unit: str = "%"
    higher_is_better: bool = True

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is better: `sign * difference` is positive for an improvement."""
        return 1 if self.higher_is_better else -1

    @property
    def scale(self) -> float:
        """Factor from a stored value to a shown one."""
        return PERCENT if self.unit == "%" else 1.0

    @property
    def suffix(self) -> str:
        """What follows the title in a heading: ` in %`, and the direction where lower is better."""
        return f" in {self.unit}" * bool(self.unit) + " (lower is better)" * (not self.higher_is_better)

    @property
    def points(self) -> str:
        """What a difference of 1 is: `percentage points of accuracy`."""
        return f"{'percentage points' if self.unit == '%' else self.unit or 'units'} of {self.title}"

    def shown(self, value: float) -> str:
        """Return a value of the scale that is shown, as text: `67.69 %`."""
        return f"{value:.2f} {self.unit}".rstrip()

    def text(self, stored: float) -> str:
        """Return a stored value as text: `67.69 %` for 0.6769."""
        return self.shown(self.scale * stored)


ACCURACY = Metric("accuracy", "accuracy")
CLASS_ACCURACY = Metric("class_accuracy", "accuracy by class")
MIOU = Metric("miou", "mIoU")
CLASS_IOU = Metric("class_iou", "IoU by class")
PIXEL_ACCURACY = Metric("pixel_accuracy", "pixel accuracy")

METRICS = {metric.name: metric for metric in (ACCURACY, CLASS_ACCURACY, MIOU, CLASS_IOU, PIXEL_ACCURACY)}


def metric_of(name: str) -> Metric:
    """Return the metric of a name; a name outside the table is its own title, in percent, higher is better."""
    return METRICS.get(name, Metric(name, name))
