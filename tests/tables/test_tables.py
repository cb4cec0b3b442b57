"""The study's tables as data: complete, in harmony with each other, and turned into runs."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

import al_lightning.acquisition as strategies
from al_lightning.config.experiment import configure
from al_lightning.config.names import resolve
from al_lightning.errors import UsageError
from al_lightning.launcher import Job
from al_lightning.results.curves import area
from al_lightning.tables.estimate import images_seen
from al_lightning.tables.plan import find_table, missing_data, plan, table_files
from al_lightning.tables.published import Table, read_table, table_of
from al_lightning.tables.status import cycles_of
from tests.support.errors import raises, refused
from tests.support.runs import Answer

FILES = {name: path for name, path in table_files().items() if name.startswith(("table", "figure"))}
TABLES = [read_table(path) for path in FILES.values()]
RUNS = set((Path(__file__).parents[1] / "support/study_runs.txt").read_text().split())


def table(name: str) -> Table:
    return read_table(FILES[name])


def test_all_tables_with_numbers_are_there() -> None:
    assert set(FILES) == {*(f"table{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12)), "figure8"}
    cells = [cell for one in TABLES for row in one.rows for cell in row.cells.values() if cell.score is not None]
    assert len(cells) == 218
    assert {cell.run for cell in cells} == RUNS
    assert all(cell.score is None for row in table("figure8").rows for cell in row.cells.values())


def test_the_100_percent_rows_meet_the_published_areas() -> None:
    """A constant curve over the nominal budgets, by Eq. 2: 24 cells, to rounding."""
    checked = 0
    for one in TABLES:
        for row in one.rows:
            for column in one.columns:
                cell = row.cells[column.key]
                if row.acquisition != "full" or cell.area is None:
                    continue
                steps = round((column.total - column.initial) / column.query)
                budgets = [column.initial + step * column.query for step in range(steps + 1)]
                ours = column.area_scale * area(budgets, [cell.score or 0.0] * len(budgets))
                assert ours == pytest.approx(column.area_scale * (cell.score or 0.0) * column.width)
                assert abs(ours - cell.area) <= 0.00501, (one.name, column.key, ours)
                checked += 1
    assert checked == 24


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_a_tables_budgets_are_those_of_its_runs(one: Table) -> None:
    for row in one.rows:
        for column in one.columns:
            budget = resolve([row.cells[column.key].run]).values["budget"]
            if row.acquisition == "full":
                continue
            size = 100 if budget["unit"] == "percent" else column.pool
            assert budget["initial"] / size == pytest.approx(column.initial)
            assert (budget["initial"] + budget["cycles"] * budget["query"]) / size == pytest.approx(column.total)
            if row.acquisition != "uniform":
                assert cycles_of(row, column) == budget["cycles"] + 1


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_a_row_is_its_runs(one: Table) -> None:
    for row in one.rows:
        for cell in row.cells.values():
            values = resolve([cell.run]).values
            name = values["training"]["class_path"].rpartition(".")[2].lower()
            assert name == row.training
            augmentation = values["data"]["init_args"]["augmentation"]["class_path"]
            assert (augmentation.rpartition(".")[2] != "NoAugmentation") == row.strong_augmentation
            assert (values["network"]["init_args"].get("dropout") == 0.1) == row.mc_dropout
            strategy = getattr(strategies, values["acquisition"]["class_path"].rpartition(".")[2])
            assert (strategy.one_fit, strategy.members) == (row.one_fit, row.members)


def test_rows_are_compared_with_random_under_their_own_conditions() -> None:
    def pairs(name: str) -> Mapping[str, str | None]:
        one = table(name)
        return {row.label: base.label if (base := one.baseline(row)) else None for row in one.rows}

    assert pairs("table3")["Coreset-SSL"] == "Random-SSL"
    assert pairs("table3")["BALD"] == pairs("table3")["Random-SSL"] == "Random"
    assert pairs("table3")["Random"] is pairs("table3")["100%"] is None
    assert pairs("table9")["Entropy w/o Aug"] == "Random w/o Aug"
    assert pairs("table9")["Entropy w/ Aug"] == "Random w/ Aug"
    assert pairs("figure8")["Random-SSL"] == "Random w/ Aug"


HOURS = {
    "a2d2_pool5f_random": 2.40, "cityscapes_random": 2.70, "voc_random": 7.83, "voc_5-5_random": 3.92,
    "voc_2-2_random": 1.56, "cityscapes_2-2_random": 0.54, "bcss_random": 1.09, "a2d2_3k_random": 3.64,
    "a2d2_pool5f_random_s4gan": 4.80, "voc_random_s4gan": 15.67, "a2d2_pool5f_full": 1.6, "voc_full": 5.2,
}  # fmt: skip
"""Hours at 100 TFLOP/s, worked out from steps and operations per image."""


def test_hours_are_estimated_from_steps_and_images() -> None:
    seen = {}
    for one in TABLES:
        for row in one.rows:
            for column in one.columns:
                name = row.cells[column.key].run
                if name in HOURS and column.images_per_second:
                    images = images_seen(resolve([name]).values, row, column)
                    seen[name] = images / column.images_per_second / 3600
    assert seen == pytest.approx(HOURS, rel=0.02)


def test_options_change_the_estimate() -> None:
    one = table("table3")
    row, column = one.rows[0], one.columns[0]
    values = resolve(["a2d2_pool5f_random"]).values
    # 264, 528, 792, 1056, 1320 labelled; 100 epochs at batch 8 are 3300 + 6600 + 9900 + 13200 + 16500 steps
    assert images_seen(values, row, column) == 8 * 49_500
    assert images_seen(values, row, column, ("--steps", "10")) == 8 * 50
    assert images_seen(values, row, column, ("--epochs=1", "--data.batch_size=4")) == 4 * (66 + 132 + 198 + 264 + 330)


def test_an_ensemble_trains_its_members_where_it_scores() -> None:
    one = table("table9")
    row = next(row for row in one.rows if row.acquisition == "variation_ratio")
    alone = next(row for row in one.rows if row.acquisition == "random" and not row.strong_augmentation)
    column = one.columns[0]
    many = images_seen(resolve([row.cells["cifar10"].run]).values, row, column)
    single = images_seen(resolve([alone.cells["cifar10"].run]).values, alone, column)
    last = 64 * (150 * 20_000 // 64)
    assert many == 5 * (single - last) + last
    assert one.seeds_of(row) == 2
    assert one.seeds_of(alone) == 3


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
    rows = plan(table("table9"), tmp_path, only=["coreset*"], seeds=1)
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


def test_stand_ins_keep_strategy_training_and_augmentation(tmp_path: Path) -> None:
    def names(name: str) -> set[str]:
        return {run.job.name for run in plan(find_table(name, "smoke"), tmp_path, reduced=True).runs}

    assert {"demo_11f_coreset_mcd_s4gan", "demo_11f_bald", "demo_5f_full_mcd"} <= names("table3")
    assert {"demo_11f_random", "demo_11f_coreset_s4gan"} <= names("table6")  # without the budget
    assert {"digits_noaug_random", "digits_learning_loss"} <= names("table9")
    assert "digits_entropy" in names("figure8")  # without the network


def test_a_wrong_table_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    content = yaml.safe_load(FILES["table12"].read_text())
    content["rows"][0]["cells"] = {"other": {"run": "a"}}
    path.write_text(yaml.safe_dump(content))
    with raises(UsageError, path, "'other'"):
        read_table(path)
    path.write_text("rows: []")
    with raises(UsageError, path, "'columns'"):
        read_table(path)
    with raises(UsageError, "'smok'", "'smoke'"):
        find_table("table3", "smok")
    content["columns"]["a2d2-pool-0f"]["budget"]["unit"] = "labels"
    with raises(ValueError, "'a2d2-pool-0f'", "'labels'"):
        table_of("mine", content)


def test_the_command_line_plans_without_running(al: Callable[..., Answer], here: Path) -> None:
    answer = al("reproduce", "table3", "--dry-run", "--only", "a2d2_pool5f_random*")
    assert answer.code == 0
    assert "a2d2_pool5f_random, seed 0: missing, 2.4 h" in answer.out
    assert "al-lightning fit --config a2d2_pool5f_random_s4gan --seed 2" in answer.out
    assert "6 runs: 0 complete, 6 to run, about 22 GPU-hours if a GPU trains on 45.8 images a second" in answer.out
    assert "start from random weights" in answer.out
    answer = al("reproduce", "table3", "--only", "a2d2_pool5f_random*")
    assert refused(answer, UsageError, "A2D2 Pool-5f")
    assert "Pool-11f" not in answer.err
