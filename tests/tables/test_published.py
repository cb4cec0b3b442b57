"""The study's tables as data: complete, and in harmony with each other."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

import al_lightning.acquisition as strategies
from al_lightning.config.names import resolve, split_name
from al_lightning.errors import UsageError
from al_lightning.results.baselines import base_of
from al_lightning.results.curves import area
from al_lightning.results.series import DROPOUT, by_setting, series_of_runs
from al_lightning.runs.journal import Run, RunRecord
from al_lightning.tables.estimate import as_mapping
from al_lightning.tables.plan import find_table
from al_lightning.tables.published import Table, read_table, table_of
from al_lightning.tables.status import cycles_of
from tests.support.errors import raises
from tests.support.published_tables import FILES, TABLES, table

RUNS = set((Path(__file__).parents[1] / "support/study_runs.txt").read_text().split())


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
            cycles = int(as_mapping(column.options).get("--budget.cycles", budget["cycles"]))
            assert (budget["initial"] + cycles * budget["query"]) / size == pytest.approx(column.total)
            if row.acquisition != "uniform":
                assert cycles_of(row, column) == cycles + 1


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
        """The row that each row of a table's first column is compared with, by what its runs would record."""
        one = table(name)
        rows = {row.cells[key].run: row for row in one.rows if (key := one.columns[0].key) in row.cells}
        runs = []
        for run, row in rows.items():
            parts = {axis: path.stem for axis, path in split_name(run).items()}
            settings = {DROPOUT: 0.1 * row.mc_dropout, "run": run}
            runs.append(Run(Path(run), RunRecord(run, 0, settings, 100, parts=parts)))
        groups = by_setting(series_of_runs(runs)).values()
        found = {each.name: base_of(each, group) for group in groups for each in group}
        return {rows[name].label: rows[base.name].label if base else None for name, base in found.items()}

    assert pairs("table3")["Core-set-SSL"] == "Random-SSL"
    assert pairs("table3")["Random-SSL"] == "Random"
    assert pairs("table3")["BALD"] == "Core-set-MCD"
    assert pairs("table3")["BALD-SSL"] == "Core-set-MCD-SSL"
    assert pairs("table3")["Core-set-MCD-SSL"] == "Core-set-MCD"
    assert pairs("table3")["Core-set-MCD"] is None
    assert pairs("table3")["Random"] is None
    assert pairs("table9")["Entropy w/o Aug"] == "Random w/o Aug"
    assert pairs("table9")["Entropy w/ Aug"] == "Random w/ Aug"
    assert pairs("figure8")["Random-SSL"] == "Random w/ Aug"


def test_no_row_is_a_share_of_one_of_another_network_over_dropout() -> None:
    for one in TABLES:
        for row in one.rows:
            other = one.reference(row)
            assert other is None or other.mc_dropout == row.mc_dropout, (one.name, row.label)


def test_every_column_of_the_paper_names_its_figure_or_that_there_is_none() -> None:
    named = {(one.name, column.key): column.figure for one in TABLES for column in one.columns}
    assert all(named.values())
    assert {key for key, figure in named.items() if figure == "in no figure"} == {
        ("table5", "cityscapes"), ("table6", "a2d2-pool-11f"), ("table6", "bcss"), ("table7", "a2d2-3k"),
    }  # fmt: skip
    assert named["table3", "a2d2-pool-11f"] == named["table4", "a2d2-pool-aug"] == "Figure 7"


def test_the_footnote_on_repeats_is_with_all_three_pools() -> None:
    for name in ("table3", "table4", "table6"):
        (note,) = [note for note in table(name).notes if "repeat about 9 %" in note]
        assert "Pool-5f, Pool-11f and Pool-21f" in note


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
