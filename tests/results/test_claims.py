"""What is compared with what: all comparisons of a page or a command, in one correction."""

from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.metrics import ACCURACY
from al_lightning.results.baselines import base_of
from al_lightning.results.claims import claims_of, counted
from al_lightning.results.comparison import Verdict
from al_lightning.results.label_value import last_step
from al_lightning.results.series import by_setting, series_of_runs
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.curve_runs import a_run, curves
from tests.support.runs import parts_of

RANDOM = [[0.40, 0.50, 0.60], [0.41, 0.50, 0.61], [0.40, 0.52, 0.62]]
ENTROPY = [[0.40, 0.55, 0.66], [0.41, 0.56, 0.64], [0.40, 0.55, 0.65]]


def test_the_comparisons_of_all_settings_are_corrected_together():
    one = curves(random=RANDOM, entropy=ENTROPY)
    both = [*one, *(a_run(f"other_{run.record.name.split('_')[1]}", run.record.seed, values(run)) for run in one)]
    alone, claims = (claims_of(by_setting(series_of_runs(runs))) for runs in (one, both))
    ((single,), (first,), (second,)) = (*alone.by_setting.values(), *claims.by_setting.values())
    assert (single.tests, first.tests, second.tests) == (1, 2, 2)
    assert first.p == pytest.approx(2 * single.p)
    assert first.smallest > single.smallest
    assert (alone.counted, claims.counted) == (
        "", "2 comparisons were tested here; each is corrected for all of them.",
    )  # fmt: skip
    assert counted([]) == ""


def values(run):
    return [cycle.metrics["miou"] for cycle in run.cycles]


def test_a_pair_of_one_setting_is_not_asked_of_another():
    """Without random_uda entropy_uda is compared with random; where random_uda is, with that alone."""
    runs = curves(random=RANDOM, random_uda=RANDOM, entropy_uda=ENTROPY)
    runs += [a_run(f"other_{name}", 0, [0.4, 0.5]) for name in ("random", "entropy_uda")]
    found = claims_of(by_setting(series_of_runs(runs))).by_setting
    assert {name: [(one.method, one.baseline) for one in group] for name, group in found.items()} == {
        "street": [("random_uda", "random"), ("entropy_uda", "random_uda")], "other": [("entropy_uda", "random")],
    }  # fmt: skip


def test_a_single_fit_is_compared_at_its_budget_and_a_curve_that_has_just_begun_is_not():
    runs = curves(random=RANDOM, entropy=ENTROPY, coreset=[[0.40], [0.41]])
    runs += [a_run("street_uniform", seed, [value], start=3) for seed, value in enumerate((0.62, 0.64, 0.63))]
    runs += [a_run("street_full", 0, [0.8], start=10)]
    (group,) = claims_of(by_setting(series_of_runs(runs))).by_setting.values()
    assert [(one.method, one.place, one.tests) for one in group] == [
        ("entropy", "", 2), ("uniform", "at 30 labels", 2),
    ]  # fmt: skip
    # 62, 64 and 63 against 60, 61 and 62 % of random with 30 labels.
    assert [value for _, value in group[1].by_seed] == pytest.approx([2.0, 3.0, 1.0])
    assert "uniform against random: cannot tell with 3 seeds: 2.0 points of mIoU at 30 labels (" in group[1].sentence(
        "mIoU"
    )


def test_of_several_baselines_the_one_with_the_settings_of_the_method_counts():
    """Two networks under one name: entropy with the wide one is compared with random with the wide one."""
    runs = []
    for width in (1, 2):
        for method, settings in (("random", "Random"), ("entropy", "Entropy")):
            run = a_run(f"street_{method}", 0, [0.4, 0.5])
            changed = {"acquisition.class_path": settings, "network.width": width, "steps": 10 * width}
            runs.append(replace(run, record=replace(run.record, settings=changed)))
    series = series_of_runs(runs)
    by_width = {(one.method, one.runs[0].record.settings["network.width"]): one for one in series}
    assert base_of(by_width["entropy", 1], series) is by_width["random", 1]
    assert base_of(by_width["entropy", 2], series) is by_width["random", 2]
    assert base_of(by_width["random", 2], series) is by_width["random", 1]
    assert base_of(by_width["random", 1], series) is None
    (group,) = claims_of(by_setting(series)).by_setting.values()
    wide = by_width["random", 2].label
    assert [(one.method, one.baseline) for one in group] == [
        ("entropy", "random"), (wide, "random"), (by_width["entropy", 2].label, wide),
    ]  # fmt: skip


def accuracies(method, seed, values, images):
    name = f"street_{method}"
    cycles = [
        CycleRecord(at, 0.1 * (at + 1), 10 * (at + 1), {"accuracy": value}, [at] * (at + 1 < len(values)))
        for at, value in enumerate(values)
    ]
    record = RunRecord(name, seed, {"of": method}, 100, parts=parts_of(name), metrics=[ACCURACY], test_images=images)
    return Run(Path(name) / f"seed_{seed}", record, [0], tuple(cycles))


def test_six_of_six_right_is_no_certainty():
    runs = [accuracies(method, seed, [1.0, 1.0], 6) for method in ("random", "entropy") for seed in range(3)]
    (group,) = claims_of(by_setting(series_of_runs(runs))).by_setting.values()
    assert group[0].by_images == pytest.approx((-39.03, 39.03), abs=0.01)
    assert group[0].verdict is Verdict.CANNOT_TELL
    unknown = [accuracies(method, 0, [1.0, 1.0], 0) for method in ("random", "entropy")]
    of_pixels = curves(random=[[1.0, 1.0]] * 3, entropy=[[1.0, 1.0]] * 3)
    of_pixels = [replace(run, record=replace(run.record, test_images=6)) for run in of_pixels]
    for others in (unknown, of_pixels):
        (group,) = claims_of(by_setting(series_of_runs(others))).by_setting.values()
        assert group[0].by_images is None
        assert group[0].verdict is Verdict.CANNOT_TELL


def test_the_last_steps_of_runs_are_corrected_with_the_methods_and_counted_once():
    runs = curves(random=RANDOM, entropy=ENTROPY)
    steps = {run.directory: last_step(run, [r for r in runs if r.record.name == run.record.name]) for run in runs}
    claims = claims_of(by_setting(series_of_runs(runs)), steps)
    random, entropy = (claims.by_run[Path(f"street_{name}/seed_0")] for name in ("random", "entropy"))
    assert claims.by_setting["street"][0].tests == random.tests == entropy.tests == 3
    assert claims.by_run[Path("street_random/seed_2")] == random
    # Random gains 10, 11 and 10 points with the last labels, entropy 11, 8 and 10.
    assert [value for _, value in random.by_seed] == pytest.approx([10, 11, 10])
    assert [value for _, value in entropy.by_seed] == pytest.approx([11, 8, 10])
