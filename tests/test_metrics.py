"""The table of metrics, and the tasks that name them."""

import pytest
import torch

from al_lightning.metrics import ACCURACY, METRICS, Metric, metric_of
from al_lightning.tasks import Classification, Segmentation


@pytest.mark.parametrize("task", [Classification(3), Segmentation(3)])
def test_a_task_returns_the_metrics_that_it_names_in_their_order(task):
    summary = task.summary(torch.eye(3, dtype=torch.int64))
    assert list(summary) == [metric.name for metric in task.metrics]
    assert [metric_of(name) for name in summary] == list(task.metrics)
    assert isinstance(next(iter(summary.values())), float)


def test_people_read_titles_and_percent():
    assert {name: METRICS[name].title for name in ("miou", "accuracy")} == {"miou": "mIoU", "accuracy": "accuracy"}
    assert metric_of("recall") == Metric("recall", "recall")
    assert ACCURACY.text(0.67688) == ACCURACY.shown(67.688) == "67.69 %"


def test_a_metric_says_its_unit_and_which_direction_is_better():
    assert {(metric.unit, metric.higher_is_better) for metric in METRICS.values()} == {("%", True)}
    distance = Metric("distance", "distance", "px", higher_is_better=False)
    assert (distance.text(4.5), distance.suffix, distance.sign) == ("4.50 px", " in px (lower is better)", -1)
    assert (ACCURACY.suffix, ACCURACY.sign, ACCURACY.points) == (" in %", 1, "percentage points of accuracy")
