"""The study's figures: which columns they draw, their runs, and the drawings."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from PIL import Image

from al_lightning.errors import UsageError
from al_lightning.tables.cells import blocks
from al_lightning.tables.figures import read_figure
from al_lightning.tables.panels import dash_of, draw_panels
from al_lightning.tables.plan import files_of, find_table, plan, read_statuses
from al_lightning.tables.published import Row, table_of
from tests.support.errors import raises, refused
from tests.support.published_tables import TABLES, table
from tests.support.runs import Answer
from tests.support.table_runs import CONTENT, TABLE, write_run

DRAWN = {
    "figure1a": {("table9", "cifar10"), ("table10", "cifar10")},
    "figure2": {("table9", "cifar10"), ("table9", "cifar100")},
    "figure3": {("table10", "cifar10"), ("table10", "cifar100")},
    "figure4": {("table11", "cifar10"), ("table11", "cifar100")},
    "figure5": {("table1", "cityscapes"), ("table1", "a2d2-pool-0f")},
    "figure7": {("table3", "a2d2-pool-11f"), ("table4", "a2d2-pool-aug")},
    "figure8": {("figure8", "cifar10/250-250"), ("figure8", "cifar10/5k-2.5k")},
    "figure11": {("table2", "pascal-voc/5-5"), ("table2", "pascal-voc/10-10"), ("table5", "pascal-voc"),
                 ("table12", "a2d2-pool-0f")},
    "figure12": {("table3", "a2d2-pool-5f"), ("table4", "a2d2-pool-21f")},
}  # fmt: skip
"""Facts of the study, section 13."""


def parts(name: str) -> list[dict[str, object]]:
    content = yaml.safe_load(files_of("figures")[name].read_text())
    return [part for panel in content["panels"] for part in panel["of"]]


def test_every_figure_of_the_paper_has_its_file() -> None:
    assert set(files_of("figures")) == {*DRAWN, "figure6", "figure9", "figure10", "table8"}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_draws_the_columns_of_the_paper_and_they_name_it(name: str) -> None:
    drawn = {(str(part["table"]), str(part["column"])) for part in parts(name)}
    assert drawn == DRAWN[name]
    number = name.removeprefix("figure")
    for one, key in drawn:
        (column,) = [column for column in table(one).columns if column.key == key]
        assert re.search(rf"\b{number}[ab]?\b", column.figure), column.figure
    named = {(one.name, column.key) for one in TABLES for column in one.columns
             if re.search(rf"\b{number}[ab]?\b", column.figure)}  # fmt: skip
    assert named == drawn


def test_a_figures_rows_are_those_of_its_tables_with_runs_and_numbers() -> None:
    figure = find_table("figure7")
    assert figure.drawn
    assert [column.title for column in figure.columns] == ["A2D2 Pool-11f", "A2D2 Pool-Aug"]
    rows = {row.label: row for row in figure.rows}
    first, second = (rows["Core-set-SSL"].cells[column.key] for column in figure.columns)
    assert (first.run, first.score) == ("a2d2_pool11f_coreset_s4gan", 48.99)
    assert second.run == "a2d2_poolaug_coreset_s4gan"
    assert rows["BALD"].mc_dropout
    one = find_table("figure1a")
    assert len(one.columns) == 1
    labels = [row.label for row in one.rows]
    assert labels[-1] == "Random-SSL"
    assert "100%" not in labels
    assert len(labels) == 11  # five strategies without augmentation, five with it, and Random-SSL


def test_figure_8_has_two_halves_of_four_cycles(tmp_path: Path) -> None:
    figure = find_table("figure8")
    low, high = figure.columns
    assert [round(column.pool * column.total) for column in figure.columns] == [1250, 15000]
    assert [(column.total - column.initial) / column.query for column in (low, high)] == pytest.approx([4, 4])
    made = plan(figure, tmp_path)
    assert all(run.job.options[:2] == ("--budget.cycles", "4") for run in made.runs)
    assert {run.job.name for run in made.runs} >= {"cifar10_resnet18_random", "cifar10_resnet18_250-250_random"}


@pytest.mark.parametrize("name", ["figure6", "figure9", "figure10"])
def test_a_figure_that_is_a_picture_says_what_draws_such_a_one(al: Callable[..., Answer], name: str) -> None:
    answer = al("reproduce", name)
    facts = {"figure6": ["al-lightning report", "t-SNE"], "figure9": ["al-lightning audit"], "figure10": ["no command"]}
    assert refused(answer, UsageError, f"Figure {name[6:]}", *facts[name])


def test_a_name_that_is_neither_is_one_sentence_with_the_nearest() -> None:
    with raises(UsageError, "'figure55'", "'figure5'", "figure12", "table1"):
        find_table("figure55")


def a_figure(folder: Path, **change: object) -> Path:
    content = {
        "title": "Figure 99: mine",
        "panels": [{"title": "(a) here", "of": [{"table": "mine", "column": "digits"}]}],
    }
    path = folder / "figure99.yaml"
    path.write_text(yaml.safe_dump({**content, **change}))
    return path


@pytest.mark.parametrize(
    ("part", "facts"),
    [
        ({"table": "other", "column": "digits"}, ["'other'"]),
        ({"table": "mine", "column": "letters"}, ["'letters'"]),
        ({"table": "mine", "column": "digits", "rows": ["Margin"]}, ["'Margin'"]),
    ],
)
def test_a_wrong_figure_is_one_sentence(tmp_path: Path, part: dict[str, object], facts: list[str]) -> None:
    path = a_figure(tmp_path, panels=[{"title": "a", "of": [part]}])
    with raises(UsageError, path, *facts):
        read_figure(path, {"mine": TABLE}.__getitem__)


def test_panels_of_other_budgets_do_not_go_into_one(tmp_path: Path) -> None:
    budget = {**CONTENT["columns"]["digits"], "budget": {"initial": 100, "query": 50, "total": 300, "unit": "images"}}
    other = table_of("other", {**CONTENT, "columns": {"digits": budget}})
    both = [{"table": "mine", "column": "digits"}, {"table": "other", "column": "digits"}]
    path = a_figure(tmp_path, panels=[{"title": "a", "of": both}])
    with raises(UsageError, path, "query", "'a'"):
        read_figure(path, {"mine": TABLE, "other": other}.__getitem__)


# Drawings


def paths_of(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [each.attrib["d"] for each in root.iter("{http://www.w3.org/2000/svg}path")]


def test_the_drawing_has_a_line_a_row_and_published_markers(runs: Path) -> None:
    drawn = draw_panels(blocks(TABLE, read_statuses(TABLE, runs)))
    assert set(drawn) == {"svg", "png"}
    text = drawn["svg"].decode()
    for label in ("Random", "Entropy", "Coreset (published)", "100%", "accuracy in %", "labelled images", "Digits"):
        assert f">{label}<" in text, label
    again = draw_panels(blocks(TABLE, read_statuses(TABLE, runs)))
    assert again == drawn
    assert len(paths_of(drawn["svg"])) > 10


def test_a_line_goes_through_the_means(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random: means 61, 71, 81 with a deviation of 1 at 100, 200, 300 labels."""
    from matplotlib.axes import Axes

    calls: list[tuple[str, object, object]] = []
    bands: list[tuple[object, object]] = []
    plot, fill = Axes.plot, Axes.fill_between
    monkeypatch.setattr(
        Axes,
        "plot",
        lambda self, x, y, **o: (calls.append((o.get("label"), list(x), list(y))), plot(self, x, y, **o))[1],
    )
    monkeypatch.setattr(
        Axes, "fill_between", lambda self, x, a, b, **o: (bands.append((list(a), list(b))), fill(self, x, a, b, **o))[1]
    )
    draw_panels(blocks(TABLE, read_statuses(TABLE, runs)))
    label, across, means = calls[0]
    assert (label, across, means) == ("Random", pytest.approx([100, 200, 300]), pytest.approx([61, 71, 81]))
    assert bands[0] == (pytest.approx([60, 70, 80]), pytest.approx([62, 72, 82]))
    assert (None, [200.0], [71.0]) in calls  # published, at the column's budget


def test_without_runs_the_published_numbers_are_drawn_and_without_those_nothing(tmp_path: Path) -> None:
    assert draw_panels(blocks(TABLE, read_statuses(TABLE, tmp_path)))
    small = find_table("figure5", "smoke")
    assert draw_panels(blocks(small, read_statuses(small, tmp_path))) == {}


def test_lines_differ_by_training_augmentation_and_network() -> None:
    styles = [
        dash_of(Row("a", "random", **change))
        for change in ({}, {"training": "uda"}, {"strong_augmentation": False}, {"mc_dropout": True}, {"network": "x"})
    ]
    assert styles[0] == ()
    assert len(set(styles)) == 4
    assert styles[3] == styles[4]


def test_reproduce_writes_the_figure_as_svg_and_png(al: Callable[..., Answer], here: Path) -> None:
    (here / "configs/tables").mkdir(parents=True)
    (here / "configs/figures").mkdir()
    (here / "configs/tables/mine.yaml").write_text(yaml.safe_dump(CONTENT))
    a_figure(here / "configs/figures")
    for seed in range(3):
        write_run(here / f"runs/digits_random/seed_{seed}", "digits_random", seed, [(0.1, 60), (0.2, 70), (0.3, 80)])
    answer = al("reproduce", "figure99", "--report-only")
    assert answer.code == 0, answer.err
    assert "figure99.html (and .svg, .png, .md, .tex, .csv)" in answer.out
    assert "(a) here" in (here / "runs/figure99.svg").read_text()
    with Image.open(here / "runs/figure99.png") as picture:
        assert picture.size[0] > 400
    page = (here / "runs/figure99.html").read_text()
    assert "Figure 99: mine" in page
    empty = al("reproduce", "figure5", "--report-only", "--scale", "smoke")
    assert empty.code == 0, empty.err
    assert "figure5.html (and .md, .tex, .csv)" in empty.out
