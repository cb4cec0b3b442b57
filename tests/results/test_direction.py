"""A metric of which lower values are better: verdicts, label costs, classes, penalties, reports, stopping advice."""

from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.errors import UsageError
from al_lightning.metrics import Metric
from al_lightning.reports.numbers import answer, datasets
from al_lightning.results.claims import claims_of
from al_lightning.results.comparison import Verdict
from al_lightning.results.label_value import LabelCost, advice, label_cost, savings
from al_lightning.results.renderers import text
from al_lightning.results.series import series_of_runs
from al_lightning.results.series_csv import read_csv
from al_lightning.results.summary import csv_text, penalties, summary
from al_lightning.results.text_table import comparison_table, curve_table
from al_lightning.runs.journal import CycleRecord, Run, RunRecord, read_run
from al_lightning.runs.journal_lines import write_line
from tests.support.errors import raises
from tests.support.runs import parts_of

ERROR = Metric("error", "error rate", higher_is_better=False)
CLASS_ERROR = Metric("class_error", "error by class", higher_is_better=False)
RANDOM = [(0.60, 0.50, 0.40), (0.61, 0.50, 0.41), (0.59, 0.49, 0.40)]
ENTROPY = [(0.60, 0.40, 0.30), (0.61, 0.41, 0.30), (0.59, 0.40, 0.31)]


def a_run(method, seed, values, dataset="street", metrics=(ERROR, CLASS_ERROR)):
    name = f"{dataset}_{method}"
    record = RunRecord(name, seed, {}, 100, "d", parts=parts_of(name), metrics=list(metrics))
    cycles = [
        CycleRecord(at, 0.1 * (at + 1), 10 * (at + 1), {metrics[0].name: value, "class_error": [value, None]},
                    [at + 1] if at < 2 else [])
        for at, value in enumerate(values)
    ]  # fmt: skip
    return Run(Path(name) / f"seed_{seed}", record, [0], tuple(cycles))


def runs(dataset="street"):
    by_method = {"random": RANDOM, "entropy": ENTROPY}
    return [a_run(name, seed, v, dataset) for name, values in by_method.items() for seed, v in enumerate(values)]


def test_the_journal_keeps_the_metrics_of_the_task(tmp_path):
    lines, check = [], ""
    for record in runs()[0].records:
        line, check = write_line(record, check)
        lines.append(line)
    (tmp_path / "cycles.jsonl").write_text("".join(lines))
    record = read_run(tmp_path).record
    assert record.metrics == [ERROR, CLASS_ERROR]
    assert record.metric("error") == ERROR
    assert record.metric("recall") == Metric("recall", "recall")


def test_less_error_is_ahead():
    series = series_of_runs(runs())
    (comparison,) = claims_of({"street": series}).by_setting["street"]
    # Mean heights of entropy - random, seed by seed: (a + 2 b + c) / 4 of the differences 0, -10, -10, and so on.
    assert comparison.by_seed == (
        (0, pytest.approx(-7.5)), (1, pytest.approx(-7.25)), (2, pytest.approx(-6.75))
    )  # fmt: skip
    assert comparison.verdict is Verdict.AHEAD
    assert comparison.advantage == pytest.approx(7.1667, abs=1e-4)
    assert answer(datasets(runs())[0])[0].startswith("entropy is ahead of random by 7.2 points (")


def test_a_target_is_reached_from_above():
    random, entropy = series_of_runs(runs())
    assert random.curves[0].values == pytest.approx((60.0, 50.0, 40.0))  # with 10, 20 and 30 labels
    assert label_cost(random.curves[0], 45.0).labels == pytest.approx(25.0)
    assert label_cost(random.curves[0], 60.0) == LabelCost(10.0, at_most=True)
    assert label_cost(random.curves[0], 39.0) == LabelCost(None)
    # To 40 %: random with 30 labels at seed 0, entropy with 20.
    assert savings(entropy, random, 40.0)[0] == "10 images (33 %)"


def test_the_summary_says_the_direction_and_names_classes():
    shown = text(summary(series_of_runs(runs())))
    assert "street: error rate in % (lower is better), mean ± standard deviation over seeds" in shown
    assert "entropy is ahead of random by 7.2 points of error rate" in shown
    assert "Class by class: error by class in % (lower is better) at 30 %" in shown
    assert "0      40.3 ± 0.6  30.3 ± 0.6" in shown
    named = [replace(run, record=replace(run.record, classes=["road", "car"])) for run in runs()]
    assert "road   40.3 ± 0.6  30.3 ± 0.6" in text(summary(series_of_runs(named)))


def test_the_method_with_more_error_is_charged():
    settings = {dataset: series_of_runs(runs(dataset)) for dataset in ("street", "forest")}
    (grid,) = penalties(settings)
    assert grid.remarks[0].startswith("A description, no claim")
    # Behind at 20 % and 30 % of three budgets, in two settings.
    assert grid.rows[1:] == [
        ["random", "0.00", "0.00"],
        ["entropy", "1.33", "0.00"],
        ["mean (lower is better)", "0.67", "0.00"],
    ]


def test_penalties_that_are_all_zero_are_left_out():
    equal = [a_run(name, seed, (0.6, 0.5, 0.4)) for name in ("random", "entropy") for seed in range(3)]
    assert penalties({"street": series_of_runs(equal), "forest": series_of_runs(equal)}) == []


def test_stopping_advice_tells_a_gain_from_a_loss():
    first, *others = runs()[:3]
    assert advice(first, others).endswith("more than the noise between seeds explains.")
    worse = [a_run("random", seed, (0.3, 0.4, 0.5 + 0.01 * seed)) for seed in range(3)]
    assert advice(worse[0], worse[1:]).endswith("a loss that the noise between seeds does not explain.")


def test_a_csv_file_keeps_the_direction(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text(csv_text(series_of_runs(runs())))
    series = read_csv(path)
    assert not any(each.metric.higher_is_better for each in series)
    assert claims_of({"street": series}).by_setting["street"][0].verdict is Verdict.AHEAD
    path.write_text("run,method,dataset,seed,labelled,metric,better\nr,random,s,0,10,50,less\n")
    with raises(UsageError, path, "line 2", "better 'less'"):
        read_csv(path)
    path.write_text("run,method,dataset,seed,labelled,metric,better\nr,random,s,0,10,50,lower\nr,random,s,0,20,50,\n")
    with raises(UsageError, path, "line 3", "lower", "higher"):
        read_csv(path)


def test_a_metric_in_another_unit_is_shown_as_it_is_stored():
    distance = Metric("distance", "boundary distance", unit="px", higher_is_better=False)
    (series,) = series_of_runs([a_run("random", 0, (6.0, 5.0, 4.5), metrics=(distance,))])
    assert series.curves[0].values == (6.0, 5.0, 4.5)
    assert "6.00 px" in curve_table(series.curves[0])
    assert comparison_table([series]).startswith("distance in px (lower is better), at")
    assert distance.points == "px of boundary distance"
