"""Series: curves by seed from journals, and what is read off them."""

from dataclasses import replace

import pytest

from al_lightning.metrics import metric_of
from al_lightning.results.series import Series, by_setting, mean_heights, series_of_runs
from al_lightning.results.series_text import distinct_names
from al_lightning.results.statistics import compare
from tests.support.curve_runs import a_run, curves

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
    assert found[1].at(0.2) == {0: 60.0, 1: 50.0}
    assert found[1].at(0.9) == {}
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


def test_methods_that_differ_in_the_first_images_alone_are_called_by_them(tmp_path):
    firsts = ("balanced", "random", "typiclust", "my.Densest")
    settings = [
        {"initial": each} if "." not in each else {"initial": None, "initial.class_path": each} for each in firsts
    ]
    runs = [a_run("street_random", 0, [0.4], sha=each) for each in firsts]
    runs = [replace(run, record=replace(run.record, settings=each)) for run, each in zip(runs, settings, strict=True)]
    found = series_of_runs(runs)
    assert [each.label for each in found] == [
        "random", "random_from_random", "random_from_typiclust", "random_from_my.Densest",
    ]  # fmt: skip
    assert distinct_names(found) == [f"street_random (from {each})" for each in firsts]
    other = replace(runs[1], record=replace(runs[1].record, settings={"initial": "random", "optimizer.lr": 1}))
    found = series_of_runs([runs[0], other])
    hashes = [each.record.config_sha256[:6] for each in (runs[0], other)]
    assert found[1].label == f"random ({hashes[1]})"
    assert distinct_names(found) == [f"street_random ({each})" for each in hashes]


# Classes


def test_class_wise_values_leave_absent_classes_out():
    runs = [
        a_run("street_random", 0, [0.4], classes=[[0.5, None, 0.3]]),
        a_run("street_random", 1, [0.4], classes=[[0.4, None, None]]),
    ]
    (random,) = series_of_runs(runs)
    assert random.classes(0.1) == {0: (50.0, None, 30.0), 1: (40.0, None, None)}
    assert random.classes(0.7) == {}


def test_an_empty_series_has_nothing_to_say():
    nothing = Series("s", "m", metric_of(""), ())
    assert (nothing.seeds, nothing.budgets, nothing.heights()) == ((), (), {})
