"""What a dataset's chart shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from al_lightning.reports.chart import curve_charts, curve_panel
from al_lightning.reports.numbers import datasets
from tests.support.reported_runs import BATCHES, RANDOM, a_run, comparison

STYLES = {"random": 0, "entropy": 1, "coreset": 2}


def test_budgets_are_shown_as_the_runs_count_them() -> None:
    runs = comparison()
    panel = curve_panel(datasets(runs)[0], STYLES)
    assert [text for _, text in panel.budgets] == ["10 %\n2", "20 %\n4", "30 %\n6"]
    assert [place for place, _ in panel.budgets] == pytest.approx([10, 20, 30])
    assert (panel.metric, panel.budget) == ("mIoU in %", "labelled, in % of the pool, and number of images")
    settings = [{**run.record.settings, "budget.unit": "images"} for run in runs]
    counted = [replace(r, record=replace(r.record, settings=s)) for r, s in zip(runs, settings, strict=True)]
    panel = curve_panel(datasets(counted)[0], STYLES)
    assert panel.budgets == ((2, "2"), (4, "4"), (6, "6"))
    assert panel.budget == "labelled images"


def test_a_line_has_means_and_deviations() -> None:
    random = curve_panel(datasets(comparison())[0], STYLES).lines[0]
    assert random.label == "random"
    assert [mean for _, mean, _ in random.points] == pytest.approx([40, 148 / 3, 60])
    assert [deviation for _, _, deviation in random.points] == pytest.approx([2, (4 / 3) ** 0.5, 2])


def test_many_methods_have_a_chart_for_each_training() -> None:
    names = [f"street_{name}{training}" for training in ("", "_uda") for name in ("random", "coreset", "bald", "equal")]
    runs = [a_run(name, 0, RANDOM[0], BATCHES) for name in names]
    styles = {name.removeprefix("street_"): number for number, name in enumerate(names)}
    (dataset,) = datasets(runs)
    assert len(dataset.methods) == 8
    assert [title for title, _ in curve_charts(dataset, styles)] == [
        "labels alone",
        "with unlabelled images",
    ]
    (few,) = datasets(runs[:4])
    assert [title for title, _ in curve_charts(few, styles)] == [""]
