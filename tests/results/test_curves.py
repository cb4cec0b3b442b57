"""The curve of a run, its area and its mean height."""

from pathlib import Path

import pytest

from al_lightning.metrics import MIOU, metric_of
from al_lightning.results.curves import Curve, area, curve_of
from al_lightning.runs.journal import CycleRecord, Run, RunRecord


def test_the_published_area_of_cityscapes_with_all_labels():
    assert area([0.1, 0.2, 0.3, 0.4, 0.5], [68.42] * 5) == pytest.approx(27.368, abs=1e-9)


def test_area_by_trapezoids_of_unequal_width_by_hand():
    # 0.1 x (50 + 60) / 2 + 0.3 x (60 + 70) / 2
    assert area([0.1, 0.2, 0.5], [50.0, 60.0, 70.0]) == pytest.approx(5.5 + 19.5)


def test_one_point_has_no_area():
    assert area([0.1], [68.42]) == 0
    assert area([], []) == 0


def test_budgets_and_values_belong_together():
    with pytest.raises(ValueError, match="shorter"):
        area([0.1, 0.2], [1.0])


def curve(name="digits_random", seed=0, values=(50.0, 60.0), budgets=(0.1, 0.2), metric="accuracy"):
    return Curve(
        name, seed, "0" * 64, metric_of(metric), budgets, tuple(round(1000 * budget) for budget in budgets), values
    )


def test_mean_height_is_area_over_width():
    assert curve(values=(50.0, 60.0)).mean_height == pytest.approx(55.0)
    assert curve(values=(68.42,) * 3, budgets=(0.1, 0.3, 0.5)).mean_height == pytest.approx(68.42)
    assert curve(values=(50.0,), budgets=(0.1,)).mean_height is None
    assert curve(values=(), budgets=()).mean_height is None


def test_the_curve_of_a_run_is_its_main_metric_in_percent():
    run = Run(
        Path("runs"),
        RunRecord("camvid_entropy", 3, {}, 100),
        [],
        (
            CycleRecord(0, 0.1, 10, {"miou": 0.25, "class_iou": [0.5, None], "pixel_accuracy": 0.9}, [1]),
            CycleRecord(1, 0.2, 20, {"miou": 0.5, "class_iou": [0.5, None], "pixel_accuracy": 0.9}, []),
        ),
    )
    assert curve_of(run) == Curve(
        "camvid_entropy", 3, run.record.config_sha256, MIOU, (0.1, 0.2), (10, 20), (25.0, 50.0)
    )


def test_the_curve_of_a_run_without_a_finished_cycle_is_empty():
    empty = curve_of(Run(Path("runs"), RunRecord("a", 0, {}, 9)))
    assert (empty.values, empty.area, empty.mean_height) == ((), 0, None)
