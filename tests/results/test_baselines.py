"""What each method of a setting is compared with, by what the journals record."""

from dataclasses import replace

from al_lightning.metrics import metric_of
from al_lightning.results.baselines import base_of, chance_of, pairs_with_base
from al_lightning.results.series import DROPOUT, Series, mean_heights, series_of_runs
from tests.support.curve_runs import a_run, curves

TRAININGS = ("uda", "s4gan")


def bases(*labels, **settings):
    """The label of each method's baseline; settings, by label, in place of names alone."""
    runs = []
    for label in labels:
        run = a_run(f"street_{label}", 0, [0.4])
        strategy, _, last = label.rpartition("_")
        parts = {"acquisition": strategy, "training": last} if last in TRAININGS else {"acquisition": label}
        runs.append(
            replace(
                run, record=replace(run.record, settings=settings.get(label, {}), parts={"datasets": "street", **parts})
            )
        )
    found = series_of_runs(runs)
    by_label = {one.label: base.label if (base := base_of(one, found)) else None for one in found}
    return [by_label[label] for label in labels]


def test_each_method_has_the_baseline_of_its_training():
    labels = ["random", "random_uda", "entropy_uda", "entropy_s4gan", "coreset"]
    assert bases(*labels) == [None, "random", "random_uda", "random", "random"]
    assert bases("entropy") == [None]


def test_a_strategy_of_ones_own_whose_name_begins_as_randoms_is_no_baseline():
    """What counts is the part that the journal has for the strategy, not how the name begins."""
    assert bases("random_walk", "entropy") == [None, None]
    assert bases("random_walk.Walk", "entropy", "random") == ["random", "random", None]
    walk, random = (series_of_runs(curves(**{name: [[0.4]]}))[0] for name in ("walk", "random"))
    record = walk.runs[0].record
    run = replace(walk.runs[0], record=replace(record, parts={**record.parts, "acquisition": "random_walk"}))
    assert (series_of_runs([run])[0].by_chance, random.by_chance) == (False, True)


def test_the_training_method_says_whether_it_is_semi_supervised_and_its_name_where_it_says_nothing():
    run = curves(random=[[0.4]])[0]
    found = {
        (said, training): series_of_runs(
            [replace(run, record=replace(run.record, trained=said, parts={**run.record.parts, "training": training}))]
        )[0].semi_supervised
        for said, training in (
            ("supervised", "my.Method"),
            ("semi-supervised (X)", "my.Method"),
            ("", "uda"),
            ("", "supervised"),
        )
    }
    assert list(found.values()) == [False, True, True, False]


def test_where_all_have_a_cold_start_or_constraints_random_with_the_same_is_the_baseline():
    def additions(settings, *methods):
        run = a_run("street_random", 0, [0.4])
        runs = [
            replace(run, record=replace(run.record, settings=each, parts={"datasets": "street", "acquisition": name}))
            for name, each in (*((method, settings) for method in ("random", "margin")), *methods)
        ]
        found = series_of_runs(runs)
        pairs = {one.label: base.label if (base := base_of(one, found)) else None for one in found}
        return pairs, [one.label for one in chance_of(found)]

    cold, strict = {"initial": "typiclust"}, {"constraints.per_sequence": 1}
    first = {"random_from_typiclust": None, "margin_from_typiclust": "random_from_typiclust"}
    assert additions(cold) == (first, ["random_from_typiclust"])
    assert additions(strict)[0] == {"random_per_sequence_1": None, "margin_per_sequence_1": "random_per_sequence_1"}
    assert additions(cold, ("entropy", {}))[0] == {**first, "entropy": None}
    with_random = additions(cold, ("random", {}))
    assert with_random == (
        {"random_from_typiclust": "random", "margin_from_typiclust": "random", "random": None},
        ["random"],
    )


def test_networks_with_dropout_are_compared_with_each_other_alone():
    assert bases("random", "bald", "entropy") == [None, None, "random"]
    assert bases("random", "bald", "coreset_mcd", "coreset_mcd_uda", "bald_uda", "random_uda") == [
        None, "coreset_mcd", None, "coreset_mcd", "coreset_mcd_uda", "random",
    ]  # fmt: skip
    assert bases("random", "random_mcd", "bald", "coreset_mcd", "bald_uda") == [
        None, None, "random_mcd", "random_mcd", "random_mcd",
    ]  # fmt: skip
    assert bases("random_mcd", "random_mcd_uda", "bald_uda") == [None, "random_mcd", "random_mcd_uda"]


def test_settings_tell_of_dropout_where_there_are_any_and_names_elsewhere():
    has, lacks = {DROPOUT: 0.1}, {DROPOUT: 0.0}
    assert bases("random", "bald", random=has, bald=has) == [None, "random"]
    assert bases("random", "bald", random=lacks, bald=has) == [None, None]
    assert bases("random", "entropy", random=lacks, entropy=has) == [None, None]
    # a network of one's own, whose dropout no option turns on, is the same for both
    assert bases("random", "bald", random={"network.class_path": "my.Net"}, bald={"network.class_path": "my.Net"}) == [
        None, "random",
    ]  # fmt: skip
    made = {
        name: Series("digits", name, metric_of("accuracy"), ())
        for name in ("BALD", "Coreset-MCD", "Random", "mcdonald")
    }
    assert [one.dropout for one in made.values()] == [True, True, False, False]


def test_a_method_whose_baseline_has_no_whole_curve_is_compared_with_nothing():
    runs = curves(random=[[0.4, 0.5]], random_uda=[[0.4]], entropy=[[0.4, 0.6]], entropy_uda=[[0.5, 0.6]])
    found = series_of_runs(runs)
    assert pairs_with_base(found, mean_heights(found)) == [("entropy", "random")]
