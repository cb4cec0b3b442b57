"""Series: curves by seed from journals and CSV files, what is read off them, and what is refused."""

from pathlib import Path

import pytest

from al_lightning.errors import UsageError
from al_lightning.metrics import metric_of
from al_lightning.results.curves import Curve
from al_lightning.results.label_cost import LabelCost, label_cost
from al_lightning.results.series import (
    Series,
    baseline_of,
    by_setting,
    class_differences,
    class_values,
    distinct_names,
    mean_heights,
    pairs_with_base,
    savings,
    series_of_runs,
    values_at,
)
from al_lightning.results.series_csv import read_csv
from al_lightning.results.statistics import compare, compare_settings
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.runs import parts_of


def a_run(name, seed, values, *, sha="s", classes=None, data="", start=1):
    cycles = [
        CycleRecord(
            at,
            0.1 * (at + start),
            10 * (at + start),
            {"miou": value, "class_iou": classes[at] if classes else [value, None]},
            [at] if at + 1 < len(values) else [],
        )
        for at, value in enumerate(values)
    ]
    record = RunRecord(name, seed, {"of": sha}, 100, data, parts=parts_of(name))
    return Run(Path(name) / f"seed_{seed}", record, [0], tuple(cycles))


def curves(**by_method):
    return [
        a_run(f"street_{method}", seed, values)
        for method, by_seed in by_method.items()
        for seed, values in enumerate(by_seed)
    ]


# From journals


def test_runs_fall_into_methods_and_seeds():
    runs = [
        *curves(random=[[0.4, 0.5, 0.6], [0.3, 0.4, 0.5]], entropy=[[0.4, 0.6, 0.6]]),
        a_run("other_random", 0, [0.1]),
    ]
    found = series_of_runs(runs)
    assert [(one.setting, one.label, one.seeds, one.metric.name) for one in found] == [
        ("street", "random", (0, 1), "miou"), ("street", "entropy", (0,), "miou"), ("other", "random", (0,), "miou"),
    ]  # fmt: skip
    assert found[0].budgets == pytest.approx((0.1, 0.2, 0.3))
    assert found[0].at(0.3) == {0: 60.0, 1: 50.0}  # 0.1 x 3 is not 0.3 to the last digit
    assert found[0].at(0.25) == {}
    assert found[0].at_labelled(20) == {0: 50.0, 1: 40.0}
    # Equal widths: area is 0.2 x (first + 2 x middle + last) / 4.
    assert found[0].areas() == pytest.approx({0: 10.0, 1: 8.0})
    assert found[0].heights() == pytest.approx({0: 50.0, 1: 40.0})
    assert found[2].heights() == pytest.approx({0: 10.0})


def test_an_unfinished_run_is_no_average_but_has_its_points():
    runs = curves(random=[[0.4, 0.5, 0.6], [0.3, 0.4, 0.5]], entropy=[[0.4, 0.6, 0.6], [0.3, 0.5], []])
    found = series_of_runs(runs)
    assert mean_heights(found) == {
        "random": pytest.approx({0: 50, 1: 40}), "entropy": pytest.approx({0: 55})
    }  # fmt: skip
    assert values_at(found, 0.2)["entropy"] == {0: 60.0, 1: 50.0}
    assert values_at(found, 0.9) == {}
    assert compare(mean_heights(found))[0].by_seed == ((0, pytest.approx(5.0)),)


def test_a_single_fit_on_all_labels_is_not_averaged_with_curves():
    runs = [*curves(random=[[0.4, 0.5]], entropy=[[0.4, 0.6]]), a_run("street_full", 0, [0.7], start=10)]
    assert mean_heights(series_of_runs(runs)).keys() == {"random", "entropy"}
    assert mean_heights(series_of_runs(runs[-1:])) == {"full": pytest.approx({0: 70.0})}


def test_other_settings_and_repeated_seeds_are_told():
    runs = [*curves(random=[[0.4, 0.5]]), a_run("street_random", 1, [0.2, 0.3], sha="0123456789")]
    first, second = series_of_runs([*runs, runs[0]])
    assert (first.label, first.seeds, [run.record.seed for run in first.repeated]) == ("random", (0,), [0])
    short = runs[-1].record.config_sha256[:6]
    assert (second.label, second.seeds, second.repeated) == (f"random ({short})", (1,), ())


def test_other_data_of_one_name_are_another_setting():
    runs = [a_run("street_random", 0, [0.4]), a_run("street_random", 0, [0.4], data="987654321")]
    assert [one.setting for one in series_of_runs(runs)] == ["street (miou)", "street (miou, data 987654)"]


def test_each_method_has_the_baseline_of_its_training():
    methods = ["random", "random_uda", "entropy_uda", "coreset_mcd", "entropy_s4gan"]
    assert [baseline_of(method, methods) for method in methods] == [None, None, "random_uda", "random", "random"]
    assert baseline_of("entropy", ["entropy"]) is None
    assert baseline_of("coreset_mcd_uda", methods) == "random_uda"


def test_methods_come_in_the_order_of_their_first_runs_and_those_without_a_number_last():
    runs = [
        a_run("b_random", 0, []),
        *curves(random=[[0.4]]),
        a_run("other_random", 0, [0.1]),
        *curves(entropy=[[0.4]]),
    ]
    found = series_of_runs(runs)
    assert [(one.setting, one.label) for one in found] == [
        ("street", "random"), ("other", "random"), ("street", "entropy"), ("b", "random"),
    ]  # fmt: skip
    assert {name: len(group) for name, group in by_setting(found).items()} == {"street": 2, "other": 1, "b": 1}


def test_names_that_are_not_one_methods_alone_tell_what_differs():
    runs = [*curves(random=[[0.4]], entropy=[[0.4]]), a_run("street_random", 1, [0.2], sha="other")]
    first, second = (run.record.config_sha256[:6] for run in (runs[0], runs[2]))
    assert distinct_names(series_of_runs(runs)) == [
        f"street_random ({first})", "street_entropy", f"street_random ({second})",
    ]  # fmt: skip
    runs = [a_run("street_random", 0, [0.4]), a_run("street_random", 0, [0.4], data="987654321")]
    assert distinct_names(series_of_runs(runs)) == [
        "street_random (street (miou))", "street_random (street (miou, data 987654))",
    ]  # fmt: skip


def test_a_method_whose_baseline_has_no_whole_curve_is_compared_with_nothing():
    runs = curves(random=[[0.4, 0.5]], random_uda=[[0.4]], entropy=[[0.4, 0.6]], entropy_uda=[[0.5, 0.6]])
    found = series_of_runs(runs)
    assert pairs_with_base(found, mean_heights(found)) == [("entropy", "random")]


# Classes


def test_class_wise_values_leave_absent_classes_out():
    runs = [
        a_run("street_random", 0, [0.4], classes=[[0.5, None, 0.3]]),
        a_run("street_random", 1, [0.4], classes=[[0.4, None, None]]),
        a_run("street_entropy", 0, [0.5], classes=[[0.6, 0.9, 0.2]]),
        a_run("street_entropy", 1, [0.5], classes=[[0.7, None, 0.1]]),
    ]
    random, entropy = series_of_runs(runs)
    assert random.classes(0.1) == {0: (50.0, None, 30.0), 1: (40.0, None, None)}
    assert random.classes(0.7) == {}
    assert class_differences(entropy, random, 0.1) == [
        pytest.approx({0: 10.0, 1: 30.0}), {}, pytest.approx({0: -10.0}),
    ]  # fmt: skip
    values = class_values([random, entropy], 0.1)
    assert values[1] == {"entropy": {0: 90.0}}
    found = compare_settings({str(number): by_method for number, by_method in values.items()})
    assert {name: [one.seeds for one in group] for name, group in found.items()} == {"0": [2], "1": [], "2": [1]}


# How many labels


def test_label_cost_by_hand():
    labelled, values = [20, 40, 80], [50.0, 60.0, 70.0]
    assert label_cost(labelled, values, 55) == LabelCost(30.0)
    assert label_cost(labelled, values, 67.5) == LabelCost(70.0)  # 40 + 40 x 7.5 / 10
    assert label_cost(labelled, values, 60) == LabelCost(40.0)
    assert label_cost(labelled, values, 50) == LabelCost(20.0, at_most=True)
    assert label_cost(labelled, values, 71) == LabelCost(None)
    assert label_cost([20, 40, 60], [50.0, 60.0, 40.0], 55) == LabelCost(30.0)  # what falls later was reached
    assert label_cost([20, 40, 60], [50.0, 40.0, 60.0], 55) == LabelCost(55.0)
    assert label_cost([], [], 55) == LabelCost(None)
    assert [str(label_cost(labelled, values, target)) for target in (40, 55, 80)] == ["at most 20", "30", "never"]


def test_the_saving_against_random_by_hand():
    runs = curves(
        random=[[0.4, 0.5, 0.6], [0.4, 0.5, 0.6], [0.4, 0.5, 0.6], [0.7, 0.7, 0.8], [0.1, 0.2, 0.3], [0.7, 0.8, 0.9]],
        entropy=[
            [0.4, 0.55, 0.6],
            [0.4, 0.45, 0.5],
            [0.6, 0.6, 0.6],
            [0.4, 0.5, 0.6],
            [0.5, 0.6, 0.7],
            [0.6, 0.6, 0.7],
        ],
    )
    random, entropy = series_of_runs(runs)
    found = savings(entropy, random, 55.0)
    # Random reaches 55 % half-way from 20 to 30 labels, entropy with 20: 5 of 25.
    assert (found[0].images, found[0].share, found[0].bound) == (pytest.approx(5.0), pytest.approx(0.2), "exactly")
    assert str(found[0]) == "5 images (20 %)"
    assert (found[1].images, str(found[1])) == (None, "entropy never reached it")
    assert (found[2].images, str(found[2])) == (pytest.approx(15.0), "at least 15 images (60 %)")
    assert (found[3].images, str(found[3])) == (pytest.approx(-15.0), "at most -15 images (-150 %)")
    assert str(found[4]) == "random never reached it"
    assert str(found[5]) == "both reached it with their first labels"


# From CSV files

HEAD = "run,method,dataset,seed,labelled,metric"


def written(tmp_path, *lines):
    path = tmp_path / "numbers.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_csv_file_by_hand(tmp_path):
    path = written(
        tmp_path,
        f"{HEAD},pool_size,comment",
        "b1,random,street,1,20,60,100,late",
        "b1,random,street,1,10,40,100,",
        "b0,random,street,0,10,42.5,100,",
        "b0,random,street,0,20,57.5,100,",
        "e0,entropy,street,0,10,44,100,x",
        "e0,entropy,street,0,20,0,100,",
    )
    random, entropy = read_csv(path)
    assert (random.setting, random.label, random.seeds) == ("street", "random", (0, 1))
    assert random.curves[1] == Curve("b1", 1, "", metric_of("metric"), (0.1, 0.2), (10, 20), (40.0, 60.0))
    assert random.areas() == pytest.approx({0: 5.0, 1: 5.0})
    assert random.at(0.1) == {0: 42.5, 1: 40.0}
    assert entropy.at_labelled(20) == {0: 0.0}
    assert compare(mean_heights([random, entropy]))[0].mean == pytest.approx(22.0 - 50.0)


def test_fractions_become_percent(tmp_path):
    lines = [HEAD, "r,random,street,0,10,0.425", "r,random,street,0,20,1"]
    (found,) = read_csv(written(tmp_path, *lines))
    assert found.curves[0].values == pytest.approx((42.5, 100.0))
    (found,) = read_csv(written(tmp_path, *lines), unit="percent")
    assert found.curves[0].values == (0.425, 1.0)


def test_a_budget_column_is_nominal(tmp_path):
    (found,) = read_csv(written(tmp_path, f"{HEAD},budget", "r,random,s,0,297,50,0.1", "r,random,s,0,595,60,0.2"))
    assert found.curves[0].budgets == (0.1, 0.2)
    assert found.areas() == pytest.approx({0: 5.5})


def test_without_budgets_numbers_of_labels_do(tmp_path):
    (found,) = read_csv(written(tmp_path, HEAD, "r,random,s,0,10,50", "r,random,s,0,30,60"))
    assert found.heights() == pytest.approx({0: 55.0})
    assert found.label_costs(52.5)[0] == LabelCost(15.0)
    with pytest.raises(UsageError, match=r"area needs budgets as fractions.*column budget or pool_size"):
        found.areas()
    with pytest.raises(UsageError, match="value at a budget needs"):
        found.at(0.1)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["run,method,seed", "a,b,0"], "line 1 lacks the columns dataset, labelled, metric"),
        ([HEAD], "no line below its head"),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,20,0.5"], "0.5 in line 3 and 50 in line 2.*--unit percent"),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,20,101"], "line 3 has the metric 101; it must lie .* 0 and 100"),
        ([HEAD, "r,random,s,0,10,-3"], "line 2 has the metric -3"),
        ([HEAD, "r,random,s,0,10,nan"], "line 2 has the metric 'nan'"),
        ([HEAD, "r,random,s,0,10,50 %"], "line 2 has the metric '50 %'.*without a unit"),
        ([HEAD, "r,random,s,x,10,50"], "line 2 has the seed 'x'; it must be a whole number from 0 on"),
        ([HEAD, "r,random,s,0,0,50"], "line 2 has the labelled '0'"),
        ([HEAD, "r,random,s,0,10"], "line 2 has no metric"),
        ([HEAD, "r,random,,0,10,50"], "line 2 has no dataset"),
        ([HEAD, "r,random,s,0,10,50", "q,random,s,0,20,60"], "lines 2 and 3: random on s, .* the runs r and q"),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,10,60"], "lines 2 and 3: .* twice with 10 labelled images"),
        ([f"{HEAD},budget", "r,random,s,0,10,50,0.2", "r,random,s,0,20,60,0.1"], "budgets that do not grow"),
        ([f"{HEAD},budget", "r,random,s,0,10,50,10"], "line 2 has the budget 10; it is a fraction"),
        ([f"{HEAD},budget", "r,random,s,0,10,50,0.2", "r,random,s,0,20,60,"], "line 3 has neither budget"),
        ([f"{HEAD},pool_size", "r,random,s,0,10,50,5"], "line 2 has 10 labelled images of a pool of 5"),
        ([HEAD, 'r,"random,s,0,10,50'], "is not CSV"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_csv_file_is_named_with_its_line(tmp_path, lines, error):
    with pytest.raises(UsageError, match=error) as caught:
        read_csv(written(tmp_path, *lines))
    assert "numbers.csv" in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")


def test_fractions_out_of_range_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"line 3 has the metric 1\.5; it must lie between 0 and 1"):
        read_csv(written(tmp_path, HEAD, "r,random,s,0,10,0.4", "r,random,s,0,20,1.5"), unit="fraction")


def test_an_empty_series_has_nothing_to_say():
    nothing = Series("s", "m", metric_of(""), ())
    assert (nothing.seeds, nothing.budgets, nothing.heights(), nothing.label_costs(1)) == ((), (), {}, {})
