"""Differences of published cells by hand, and when they stand."""

from __future__ import annotations

import math

import pytest

from al_lightning.recommendations.evidence import Difference, ask, judge
from tests.support.evidence import RULES, TABLES, question


def made(value: float, error: float) -> Difference:
    return Difference("t", "c", "T, C", "a", "b", value, value, error, (), error, 0.0)


def test_a_difference_is_in_mean_height_with_the_root_of_the_sum_of_squares() -> None:
    found = ask(RULES, question("Core-set-SSL", "Random-SSL", ("table3", "a2d2-pool-11f"), ("table7", "a2d2-3k")))
    first, second = found.differences
    assert first.score == pytest.approx(48.99 - 45.25)
    assert first.height == pytest.approx(0.99 / 0.4)  # 19.01 - 18.02 over 10 .. 50 %
    assert first.deviation == pytest.approx(math.sqrt(0.12**2 + 0.24**2) / 0.4)  # 0.671
    assert first.value == first.height
    assert first.error == first.deviation
    assert first.rounding == pytest.approx(0.025)
    assert first.title == "Table 3, A2D2 Pool-11f"
    # 5.72 - 5.53, twice Eq. 2 over 1,000 .. 3,000 of 40,135 images; no deviation is printed
    assert second.height == pytest.approx(0.19 / (2 * 2000 / 40135))
    assert second.deviation is None
    assert second.assumed
    assert second.error == 1.2
    assert found.mean == pytest.approx((2.475 + 1.90641) / 2, abs=1e-4)
    runs = math.sqrt((0.45 + 0) * 1.0 + 1.44) / 2  # 0.0720 / 0.16 = 0.45
    assert found.deviation == pytest.approx(runs)  # the spread, 0.2843, is smaller
    assert found.outcome == "ahead"  # 2.19 against 2 x 0.687


def test_a_doubtful_area_gives_way_to_the_score() -> None:
    found = ask(RULES, question("Core-set", "Random", ("table6", "a2d2-pool-11f"), ("table6", "bcss")))
    sound, doubtful = found.differences
    assert sound.value == pytest.approx((3.10 - 2.93) / 0.08)
    assert doubtful.height == pytest.approx((2.37 - 2.24) / 0.04)  # 3.25, which is not believed
    assert doubtful.value == pytest.approx(56.68 - 56.29)
    assert doubtful.assumed
    assert "probably 2.27" in doubtful.doubts[0]
    assert found.mean == pytest.approx((2.125 + 0.39) / 2)
    assert found.outcome == "noise"


def test_a_row_without_area_is_compared_by_score() -> None:
    (found,) = ask(RULES, question("Uniform", "Random", ("table7", "a2d2-3k"))).differences
    assert found.height is None
    assert found.value == pytest.approx(57.75 - 56.14)


@pytest.mark.parametrize(
    ("cells", "mean", "deviation", "outcome"),
    [
        ([(2, 0.3), (4, 0.4)], 3, 1.0, "ahead"),  # runs: 0.5 / 2; spread: sqrt(2) / sqrt(2) = 1, the larger
        ([(-2, 0.3), (-4, 0.4)], -3, 1.0, "behind"),
        ([(1, 0.6), (1, 0.8)], 1, 0.5, "ahead"),  # runs: 1 / 2; exactly two deviations
        ([(0.99, 0.6), (0.99, 0.8)], 0.99, 0.5, "noise"),
        ([(5, 0.5), (5, 0.5), (5, 0.5), (-1, 0.5)], 3.5, 1.5, "mixed"),  # -1 is beyond its deviation
        ([(5, 0.5), (5, 0.5), (5, 0.5), (-1, 1.5)], 3.5, 1.5, "ahead"),  # -1 is within it: 3.5 against 3
        ([(0, 0), (0, 0)], 0, 0, "noise"),
    ],
)
def test_when_evidence_stands(cells: list[tuple[float, float]], mean: float, deviation: float, outcome: str) -> None:
    found = judge([made(*cell) for cell in cells], 2)
    assert found == (pytest.approx(mean), pytest.approx(deviation), outcome)


def test_the_assumed_deviation_is_the_largest_that_is_printed() -> None:
    printed = [
        cell.area_std / (column.area_scale * column.width)
        for table in TABLES.values()
        for column in table.columns
        for row in table.rows
        if (cell := row.cells[column.key]).area_std is not None
    ]
    assert RULES.assumed["segmentation"] == round(math.sqrt(2) * max(printed), 1)
    assert not [c for t in TABLES.values() if t.task == "classification" for r in t.rows for c in r.cells.values()
                if c.area_std is not None]  # fmt: skip
