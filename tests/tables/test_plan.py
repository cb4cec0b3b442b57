"""Plans: each run of a table once, what is missing, and what it costs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.config.experiment import configure
from al_lightning.config.names import resolve
from al_lightning.errors import DatasetError, UsageError
from al_lightning.launcher import Job
from al_lightning.tables.plan import files_of, find_table, missing_data, plan, read_statuses
from al_lightning.tables.published import read_table
from al_lightning.tables.status import find_runs, statuses_of
from al_lightning.tables.work import jobs_of, with_cost
from tests.support.errors import refused
from tests.support.published_tables import FILES, table
from tests.support.runs import Answer
from tests.support.table_runs import TABLE, write_run


def test_what_finished_runs_cost_estimates_the_rest(runs: Path) -> None:
    """Three fits of a minute: 120 steps of 32 images each, so an image costs 180 s / 11,520."""
    made = plan(TABLE, runs)
    assert made.measured
    states = {run.job.name: run.state for run in made.runs if run.job.seed == 0}
    assert states == {
        "digits_random": "complete",
        "digits_entropy": "complete",
        "digits_coreset": "begun",
        "digits_full": "complete",
    }
    coreset = next(run for run in made.runs if run.job.name == "digits_coreset")
    # random and entropy took 180 s for 3 fits, the fit on everything 60 s for one: the same an image
    assert coreset.hours == pytest.approx(180 / 3600)
    assert coreset.hours_left == pytest.approx(60 / 3600)


def test_a_run_with_other_settings_is_in_no_cell(runs: Path) -> None:
    before = [status.runs for status in read_statuses(TABLE, runs)]
    other = runs / "digits_coreset" / "epochs=3-a1b2c3"
    write_run(other / "seed_1", "digits_coreset", 1, [(0.1, 60.0), (0.2, 70.0), (0.3, 80.0)])
    assert [status.runs for status in read_statuses(TABLE, runs)] == before
    assert [status.runs for status in statuses_of(TABLE, find_runs([runs]))] == before


def test_a_plan_has_each_run_once_and_skips_what_does_not_exist_here(tmp_path: Path) -> None:
    made = plan(table("table9"), tmp_path, options=("--data.root", str(tmp_path / "none")))
    jobs = [run.job for run in made.runs]
    assert len(jobs) == len(set(jobs)) == 2 * (9 * 3 + 2 * 2)
    assert jobs[0] == Job(
        "cifar10_noaug_random",
        0,
        tmp_path / "cifar10_noaug_random" / "seed_0",
        ("--data.root", str(tmp_path / "none")),
    )
    assert list(missing_data(made)) == [tmp_path / "none"]
    assert {run.state for run in made.runs} == {"missing"}
    some = plan(table("table9"), tmp_path, only=["cifar100"], seeds=1)
    assert {run.job.name.split("_")[0] for run in some.runs} == {"cifar100"}
    assert len(some.runs) == 11
    rows = plan(table("table9"), tmp_path, only=["core-set*"], seeds=1)
    assert len(rows.runs) == 4


def test_a_cell_that_two_columns_share_is_run_once(tmp_path: Path) -> None:
    made = plan(table("table2"), tmp_path)
    full = [run for run in made.runs if run.job.name == "voc_full"]
    assert len(full) == 3
    assert full[0].columns == ("PASCAL VOC, 5-5", "PASCAL VOC, 10-10")


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_run_of_every_table_has_a_small_stand_in(name: str, tmp_path: Path) -> None:
    small = find_table(name, "smoke")
    assert small.marker.startswith("SMOKE SCALE")
    assert small.runs == "smoke"
    assert [row.label for row in small.rows] == [row.label for row in table(name).rows]
    assert len(small.columns) == len(table(name).columns)
    made = plan(small, tmp_path, reduced=True)
    assert {run.job.seed for run in made.runs} == {0}
    assert all(run.job.directory.is_relative_to(tmp_path / "smoke") for run in made.runs)
    for run in made.runs:
        resolve([run.job.name])
    first = made.runs[0].job
    experiment = configure([first.name], first.options, 0, first.directory)
    column = small.columns[0]
    assert experiment.data.pool().size == column.pool
    assert experiment.budget.nominal(0, column.pool) == pytest.approx(column.initial)
    assert experiment.budget.nominal(experiment.budget.cycles, column.pool) == pytest.approx(column.total)


def test_fits_of_stand_ins_grow_with_their_labels(tmp_path: Path) -> None:
    """As in the study: 26, 52, 79 and 264 labels at batch 8 for 6 epochs are 19, 39, 59 and 198 steps."""
    made = plan(find_table("table3", "smoke"), tmp_path, reduced=True)
    for name, counts in (("demo_11f_random", (26, 52, 79)), ("demo_11f_full", (264,))):
        job = next(run.job for run in made.runs if run.job.name == name)
        experiment = configure([job.name], job.options, 0, job.directory)
        assert [experiment.steps(count) for count in counts] == [6 * count // 8 for count in counts]


def test_the_work_of_runs_by_hand(tmp_path: Path) -> None:
    """Of demo_11f at 64 x 128: 6 epochs of 8 images; 80 test images, and the rest of 264 scored twice."""
    jobs = {job.name: job for job in jobs_of(plan(find_table("table3", "smoke"), tmp_path, reduced=True))}
    pixels, steps, tests = 64 * 128, 19 + 39 + 59, 3 * 80
    scored = (264 - 26) + (264 - 52)
    passes = {
        "demo_11f_random": (8 * 3 * steps + tests,) * 2,
        "demo_11f_entropy": (8 * 3 * steps + tests + scored,) * 2,
        "demo_11f_equal": (8 * 3 * steps + tests + 2 * scored,) * 2,
        "demo_11f_bald": (8 * 3 * steps + tests + scored, 8 * 3 * steps + tests + 10 * scored),
        "demo_11f_random_s4gan": (16 * 3 * steps + tests, 16 * 10 * steps + tests),
        "demo_11f_full": (8 * 3 * 198 + 80,) * 2,
    }
    costs = {name: jobs[name].cost for name in passes}
    assert {name: cost and (cost.least, cost.most) for name, cost in costs.items()} == {
        name: (pixels * least, pixels * most) for name, (least, most) in passes.items()
    }
    kinds = {name: cost and cost.kind for name, cost in costs.items()}
    assert kinds["demo_11f_random"] == kinds["demo_11f_entropy"] == kinds["demo_11f_full"]
    assert len(set(kinds.values())) == 3  # supervised, with dropout, s4GAN


def test_the_work_of_an_ensemble_and_of_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    options = ("--data.pool_size", "100", "--data.test_size", "0", "--epochs", "1", "--budget.cycles", "1")
    ensemble = with_cost(Job("demo_0f_variation_ratio", 0, tmp_path, options)).cost
    assert ensemble is not None
    # 10 and 20 labels at batch 8: 1 and 2 steps; the first fit and the scoring of 90 images five times.
    assert ensemble.least == ensemble.most == 64 * 128 * (5 * (8 * 3 * 1 + 90) + 8 * 3 * 2)
    for wrong in (("--data.pool_size", "many"), ("--data.batch_size", "x"), ("--budget.cycles", "-1")):
        assert with_cost(Job("demo_0f_random", 0, tmp_path, wrong)).cost is None
    assert with_cost(Job("demo_0f_nothing", 0, tmp_path)).cost is None


def test_stand_ins_keep_strategy_training_and_augmentation(tmp_path: Path) -> None:
    def names(name: str) -> set[str]:
        return {run.job.name for run in plan(find_table(name, "smoke"), tmp_path, reduced=True).runs}

    assert {"demo_11f_coreset_mcd_s4gan", "demo_11f_bald", "demo_5f_full_mcd"} <= names("table3")
    assert {"demo_11f_random", "demo_11f_coreset_s4gan"} <= names("table6")  # without the budget
    assert {"digits_noaug_random", "digits_learning_loss"} <= names("table9")
    assert "digits_entropy" in names("figure8")  # without the network


def test_without_a_table_all_are_listed(al: Callable[..., Answer], here: Path) -> None:
    for seed in range(3):
        name = "cifar10_noaug_random"
        write_run(here / f"runs/{name}/seed_{seed}", name, seed, [(0.1, 50.0), (0.9, 60.0)])
    listed = al("reproduce").out
    lines = {line.split()[0]: line for line in listed.splitlines()}
    assert list(lines)[:2] == ["figure1a", "figure2"]
    assert list(lines)[-2:] == ["table11", "table12"]
    assert set(lines) == {*files_of("tables"), *files_of("figures")}
    assert "62 runs, 3 finished" in lines["table9"]
    assert "84 runs, about 279 GPU-hours" in lines["table3"]
    assert "18 runs (about 90 minutes of one CPU core)" in lines["study_camvid"]
    assert "al-lightning recommend" in lines["table8"]
    assert "GPU-hours" not in al("reproduce", "--scale", "smoke").out
    assert al("reproduce", "--help").out.endswith(listed)
    assert refused(al("reproduce", "--scale", "huge"), UsageError, "'huge'", "smoke")
    assert refused(al("reproduce", "table8"), UsageError, "Table 8", "al-lightning recommend")


def test_the_command_line_plans_without_running(al: Callable[..., Answer], here: Path) -> None:
    answer = al("reproduce", "table3", "--dry-run", "--only", "a2d2_pool5f_random*")
    assert answer.code == 0
    assert "a2d2_pool5f_random, seed 0: missing, 2.4 h" in answer.out
    assert "al-lightning fit --config a2d2_pool5f_random_s4gan --seed 2" in answer.out
    assert "6 runs: 0 complete, 6 to run, about 22 GPU-hours if a GPU trains on 45.8 images a second" in answer.out
    assert "start from random weights" in answer.out
    answer = al("reproduce", "table3", "--only", "a2d2_pool5f_random*")
    assert refused(answer, DatasetError, "A2D2 Pool-5f")
    assert "Pool-11f" not in answer.err


@pytest.mark.parametrize("name", [name for name in files_of("tables") if name.startswith("study")])
def test_the_projects_own_study_is_made_of_runs_that_exist(name: str, tmp_path: Path) -> None:
    table = read_table(files_of("tables")[name])
    made = plan(table, tmp_path)
    assert len({run.job.directory for run in made.runs}) == len(made.runs)
    assert {run.job.directory.parents[1] for run in made.runs} == {tmp_path / table.runs}
    for run in made.runs:
        if run.job.seed:
            continue
        experiment = configure([run.job.name], run.job.options, 0, run.job.directory)
        column = run.status.column
        assert experiment.budget.nominal(0, column.pool) == pytest.approx(column.initial)
        assert experiment.budget.nominal(experiment.budget.cycles, column.pool) == pytest.approx(column.total)
