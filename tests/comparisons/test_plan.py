"""Budgets that fit the data, and when a comparison ends."""

import math
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from al_lightning.comparisons.plan import (
    Limits,
    budget_options,
    finished,
    gain,
    half_width,
    smaller,
    widest,
)
from al_lightning.errors import UsageError
from al_lightning.metrics import ACCURACY
from al_lightning.results.curves import Curve
from al_lightning.results.series import Series

Labels = Literal["image", "pixel"]


def method(label: str, values: list[list[float]]) -> Series:
    """A method with a curve for each seed, at 10, 20, 30 ... labels of a pool of 100."""
    labelled = [tuple(10 * (place + 1) for place in range(len(curve))) for curve in values]
    curves = tuple(
        Curve(label, seed, "", ACCURACY, tuple(count / 100 for count in counts), counts, tuple(curve))
        for seed, (counts, curve) in enumerate(zip(labelled, values, strict=True))
    )
    return Series("pool", label, ACCURACY, curves, label)


@pytest.mark.parametrize(
    ("pool", "classes", "labels", "query", "cycles"),
    [
        (100, 3, "image", 3, 9),
        (40, 3, "image", 3, 5),
        (10_000, 10, "image", 50, 9),
        (1_000_000, 10, "image", 50, 9),
        (367, 11, "pixel", 12, 9),
        (20, 2, "pixel", 4, 1),
        (9_000, 20, "pixel", 50, 9),
    ],
)
def test_budgets_by_hand(pool: int, classes: int, labels: str, query: int, cycles: int) -> None:
    words = budget_options(pool, classes, labels)
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["--budget.initial"] == given["--budget.query"] == str(query)
    assert (given["--budget.cycles"], given["--budget.unit"]) == (str(cycles), "images")


@pytest.mark.parametrize(
    ("given_budget", "rest"),
    [
        ({"cycles": 3}, {"unit": "images", "initial": "4", "query": "4"}),
        ({"query": 10}, {"unit": "images", "initial": "4", "cycles": "9"}),
        ({"initial": 60, "query": 20}, {"unit": "images", "cycles": "3"}),
        ({"initial": 200}, {"unit": "images", "query": "4", "cycles": "1"}),
        ({"unit": "images", "cycles": 0, "query": 0}, {"initial": "4"}),
        ({"unit": "percent"}, {}),
    ],
)
def test_what_is_not_given_of_a_budget_stays_in_images(given_budget: dict[str, object], rest: dict[str, str]) -> None:
    words = budget_options(240, 4, "image", given_budget)
    assert {name.removeprefix("--budget."): value for name, value in zip(words[::2], words[1::2], strict=True)} == rest


@given(st.integers(1, 100_000), st.integers(1, 300), st.sampled_from(["image", "pixel"]))
def test_no_budget_asks_for_more_than_half_of_the_pool(
    pool: int, classes: int, labels: Literal["image", "pixel"]
) -> None:
    try:
        words = budget_options(pool, classes, labels)
    except UsageError:
        assert pool < 4 * max(classes, 4)
        return
    query, cycles = int(words[words.index("--budget.query") + 1]), int(words[words.index("--budget.cycles") + 1])
    assert cycles >= 1
    assert query * (cycles + 1) <= pool // 2


def test_large_images_are_reduced() -> None:
    assert smaller(180, 240) == (180, 240)
    assert smaller(1024, 2048) == (128, 256)
    assert smaller(3000, 2) == (256, 1)


def test_the_half_width_is_that_of_students_t() -> None:
    values = [1.0, 2.0, 4.0, 4.5]
    low, high = stats.t.interval(0.95, 3, loc=0, scale=stats.sem(values))
    assert half_width(values) == pytest.approx((high - low) / 2)
    assert half_width([1.0]) == math.inf


def test_the_widest_difference_counts_and_never_its_sign() -> None:
    base = method("random", [[50.0, 60.0], [52.0, 61.0], [54.0, 65.0]])
    other = method("margin", [[50.0, 64.0], [52.0, 66.0], [54.0, 67.0]])
    assert widest([base, other]) == pytest.approx(half_width([4.0, 5.0, 2.0]))
    mirrored = method("margin", [[50.0, 56.0], [52.0, 56.0], [54.0, 63.0]])
    assert widest([base, mirrored]) == pytest.approx(widest([base, other]))
    assert widest([base]) == math.inf


def test_a_comparison_ends_by_width_or_seeds() -> None:
    limits = Limits(seeds=50, minutes=10)
    equal = [method(label, [[50.0 + seed, 60.0] for seed in range(12)]) for label in ("random", "margin")]
    wide = [equal[0], method("margin", [[50.0 + 9 * (seed % 2), 60.0] for seed in range(12)])]
    assert finished(9, equal, limits) == ""  # too few to trust a width
    assert "0.0 points" in finished(10, equal, limits)
    assert "0.0 points" in finished(50, equal, limits)  # as it was said when it ended, read again as so many seeds
    assert finished(12, wide, limits) == ""
    assert "50 seeds" in finished(50, wide, limits)
    assert finished(1, equal, Limits(seeds=1, minutes=10)) == "its one seed is done"


def test_what_more_labels_brought() -> None:
    curves = [[10.0, 50.0, 60.0, 64.0], [11.0, 52.0, 60.0, 68.0]]
    found = gain(method("random", curves))
    assert found is not None
    assert (*found[:2], found.labels) == (30, 40, 10)
    assert found.points == pytest.approx(6.0)  # 4 and 8 points for 10 labels
    assert found.half == pytest.approx(half_width([4.0, 8.0]))
    assert gain(method("random", [[10.0, 20.0]])) is None
    assert (gain(method("random", [[10.0, 20.0], [11.0, 20.0]])) or ())[:2] == (10, 20)
    # A point for each 10 labels: also told per 100 labels where the second half of the curve has so many.
    rising = [float(place) for place in range(40)]
    for points, numbers in ((20, (110, 200, 9.0, 0.0, 10, 1.0)), (40, (210, 400, 19.0, 0.0, 100, 10.0))):
        found = gain(method("random", [rising[:points]] * 2))
        assert found is not None
        assert (*found, found.labels, found.rate) == numbers
