"""Curves from CSV files, and what is refused in one."""

import pytest

from al_lightning.errors import UsageError
from al_lightning.metrics import metric_of
from al_lightning.results.curves import Curve
from al_lightning.results.label_value import LabelCost, label_costs
from al_lightning.results.series import mean_heights
from al_lightning.results.series_csv import read_csv
from al_lightning.results.statistics import compare
from tests.support.errors import raises

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
    assert label_costs(found, 52.5)[0] == LabelCost(15.0)
    with raises(UsageError, "area", "random on s", "budget", "pool_size"):
        found.areas()
    with raises(UsageError, "value at a budget", "random on s"):
        found.at(0.1)


@pytest.mark.parametrize(
    ("lines", "facts"),
    [
        (["run,method,seed", "a,b,0"], ["line 1", "dataset, labelled, metric"]),
        ([HEAD], ["no line below"]),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,20,0.5"], ["0.5 in line 3", "50 in line 2", "--unit percent"]),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,20,101"], ["line 3", "metric 101", 0, 100]),
        ([HEAD, "r,random,s,0,10,-3"], ["line 2", "metric -3"]),
        ([HEAD, "r,random,s,0,10,nan"], ["line 2", "metric 'nan'"]),
        ([HEAD, "r,random,s,0,10,50 %"], ["line 2", "metric '50 %'"]),
        ([HEAD, "r,random,s,x,10,50"], ["line 2", "seed 'x'", 0]),
        ([HEAD, "r,random,s,0,0,50"], ["line 2", "labelled '0'", 1]),
        ([HEAD, "r,random,s,0,10"], ["line 2", "no metric"]),
        ([HEAD, "r,random,,0,10,50"], ["line 2", "no dataset"]),
        ([HEAD, "r,random,s,0,10,50", "q,random,s,0,20,60"], ["lines 2 and 3", "random on s, seed 0", "r and q"]),
        ([HEAD, "r,random,s,0,10,50", "r,random,s,0,10,60"], ["lines 2 and 3", "random on s, seed 0", "twice", 10]),
        ([f"{HEAD},budget", "r,random,s,0,10,50,0.2", "r,random,s,0,20,60,0.1"], ["lines 2 and 3", "budgets"]),
        ([f"{HEAD},budget", "r,random,s,0,10,50,10"], ["line 2", "budget 10"]),
        ([f"{HEAD},budget", "r,random,s,0,10,50,0.2", "r,random,s,0,20,60,"], ["line 3", "budget", "pool_size"]),
        ([f"{HEAD},pool_size", "r,random,s,0,10,50,5"], ["line 2", 10, 5]),
        ([HEAD, 'r,"random,s,0,10,50'], ["line 2", "CSV"]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_csv_file_is_named_with_its_line(tmp_path, lines, facts):
    with raises(UsageError, tmp_path / "numbers.csv", *facts):
        read_csv(written(tmp_path, *lines))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with raises(UsageError, tmp_path / "none.csv", "No such file"):
        read_csv(tmp_path / "none.csv")


def test_fractions_out_of_range_are_refused(tmp_path):
    with raises(UsageError, "numbers.csv", "line 3", "metric 1.5", 0, 1):
        read_csv(written(tmp_path, HEAD, "r,random,s,0,10,0.4", "r,random,s,0,20,1.5"), unit="fraction")
