"""Tables of pages in headless Chromium: nothing is cut, and what scrolls shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_lightning.pages.narrow import narrow
from al_lightning.tables.plan import find_table, read_statuses
from al_lightning.tables.report import TableReport
from tests.support.browser import CHROMIUM, measured
from tests.support.reported_runs import comparison, data, page
from tests.support.table_runs import write_run

browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: whether the pages' tables fit is not tested")


def assert_fits(html: str, directory: Path, least: int) -> None:
    wide, slim = measured(html, directory)
    assert wide["cells"] >= least
    assert wide["outside"] == []
    assert slim["hidden"] == []
    assert not wide["wide"]
    assert not slim["wide"]


@browser
def test_a_report_fits(tmp_path: Path) -> None:
    assert_fits(page(comparison(), data, "t"), tmp_path, 60)


@browser
def test_the_page_of_the_largest_table_fits(tmp_path: Path) -> None:
    table = find_table("table3", "smoke")
    for status in read_statuses(table, tmp_path):
        row, column = status.row, status.column
        steps = [column.total] if row.one_fit else [column.initial + column.query * k for k in range(4)]
        for seed in range(2):
            points = [(step, 30 + 10.55 * step + seed) for step in ([1.0] if row.everything else steps)]
            write_run(tmp_path / status.cell.place / f"seed_{seed}", status.cell.run, seed, points)
    html = TableReport(table, read_statuses(table, tmp_path)).text("html")
    assert_fits(html, tmp_path, 800)


@browser
def test_a_table_that_does_not_fit_is_found(tmp_path: Path) -> None:
    row = "".join(f"<td style='min-width:150px'>{number}</td>" for number in range(12))
    wide, slim = measured(f"<body><table><tr>{row}</tr></table></body>", tmp_path)
    assert "11" in wide["hidden"]
    assert "2" in slim["hidden"]


def test_a_wide_table_becomes_several_with_all_columns() -> None:
    rows = [["", *(f"head_{number}" for number in range(30))], *(["name", *["50.33 ± 0.52"] * 30] for _ in range(2))]
    parts = narrow(rows)
    assert len(parts) > 2
    assert [head for part in parts for head in part[0][1:]] == rows[0][1:]
    assert all(part[1][0] == "name" for part in parts)
    assert narrow([["", "a"], ["b", "c"]]) == [[["", "a"], ["b", "c"]]]
    assert len(narrow([["", "a", "b"], ["x", "y" * 300, ("p", "q")]])) == 1
