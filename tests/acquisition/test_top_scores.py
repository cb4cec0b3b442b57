"""Rounding of scores, and the choice of the highest."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from al_lightning.acquisition.functional import round_significant, top_scores
from al_lightning.errors import ALError
from al_lightning.types import SelectionInputs
from tests.support.errors import raises
from tests.support.quick import quick


def rows_of(index, labelled, value):
    value = torch.tensor(value, dtype=torch.float32).reshape(1, len(index), -1)
    return SelectionInputs(torch.tensor(index, dtype=torch.int64), torch.tensor(labelled, dtype=torch.bool), value)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.0, 0.0),
        (123456.4, 123456.0),
        (123456.6, 123457.0),
        (-123456.6, -123457.0),
        (0.001234565111, 0.00123457),
        (1.23456449e-20, 1.23456e-20),
        (99999.96, 100000.0),
        (9999996.0, 10000000.0),
    ],
)
def test_rounding_to_six_significant_digits(number, expected):
    rounded = round_significant(torch.tensor([number], dtype=torch.float64))
    assert rounded.dtype == torch.float64
    assert rounded.item() == pytest.approx(expected, rel=1e-12)


def test_rounding_to_other_numbers_of_digits():
    rounded = round_significant(torch.tensor([2.0 / 3, 1234.0]), digits=2)
    assert rounded.tolist() == pytest.approx([0.67, 1200.0], rel=1e-12)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@quick
def test_rounding_moves_a_number_by_at_most_half_of_its_sixth_digit(number):
    rounded = round_significant(torch.tensor([number], dtype=torch.float32)).item()
    if number == 0:
        assert rounded == 0
    else:
        assert abs(rounded - number) <= 0.5001 * 10 ** (math.floor(math.log10(abs(number))) - 5)


@given(st.integers(100_000, 999_999), st.integers(-12, 4), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
@quick
@example(100_000, 0, -0.04, 0.04)
@example(100_000, 4, -0.04, 0.04)
@example(100_000, -9, -0.04, 0.04)
def test_numbers_that_agree_in_six_digits_become_equal(digits, exponent, one, other):
    lowest = -0.04 if digits == 100_000 else -0.4  # below a power of ten the sixth digit is ten times finer
    pair = torch.tensor([digits + max(lowest, one), digits + max(lowest, other)], dtype=torch.float64)
    first, second = round_significant(pair * 10.0**exponent).tolist()
    assert first == second


def test_rounding_keeps_infinities():
    assert round_significant(torch.tensor([math.inf, -math.inf, 1.0])).tolist() == [math.inf, -math.inf, 1.0]


def test_top_scores_are_descending_by_score():
    selection = top_scores(
        rows_of([3, 5, 8, 9], [False] * 4, [0.1, 0.4, 0.2, 0.3]), torch.tensor([0.1, 0.4, 0.2, 0.3]), 3
    )
    assert selection.indices == [5, 9, 8]
    assert selection.scores == pytest.approx([0.4, 0.3, 0.2], rel=1e-6)


def test_ties_go_to_the_lower_index_also_after_rounding():
    score = torch.tensor([0.5, 0.7, 0.70000001, 0.7000000001, 0.5], dtype=torch.float64)
    selection = top_scores(rows_of([1, 4, 6, 7, 9], [False] * 5, [0] * 5), score, 5)
    assert selection.indices == [4, 6, 7, 1, 9]
    assert selection.scores == [0.7, 0.7, 0.7, 0.5, 0.5]


def test_many_ties_go_to_the_lower_index():
    index = list(range(3, 2003))
    score = torch.tensor([float(number % 2) for number in index])
    selection = top_scores(rows_of(index, [False] * 2000, [0] * 2000), score, 1500)
    assert selection.indices == [*range(3, 2003, 2), *range(4, 1004, 2)]


def test_ties_are_broken_by_the_next_number_then_by_the_lower_index():
    score = torch.tensor([0.2, 0.4, 0.4000000001, 0.4, 0.2, 0.4], dtype=torch.float64)
    second = torch.tensor([9.0, 1.0, 3.0, 1.00000001, 9.5, 2.0], dtype=torch.float64)
    selection = top_scores(rows_of([2, 3, 5, 7, 8, 9], [False] * 6, [0] * 6), score, 6, second)
    assert selection.indices == [5, 9, 3, 7, 8, 2]
    assert selection.scores == [0.4, 0.4, 0.4, 0.4, 0.2, 0.2]


def test_a_third_number_decides_where_two_are_equal():
    flat = torch.zeros(4)
    third = torch.tensor([1.0, 3.0, 2.0, 3.0])
    assert top_scores(rows_of([0, 1, 2, 3], [False] * 4, [0] * 4), flat, 4, flat, third).indices == [1, 3, 2, 0]


def test_nan_in_a_later_number_is_named_too():
    with raises(ALError, "image 9", "NaN"):
        top_scores(rows_of([4, 9], [False] * 2, [0] * 2), torch.tensor([1.0, 2.0]), 1, torch.tensor([0.0, math.nan]))


def test_labelled_rows_are_never_chosen():
    score = torch.tensor([9.0, 1.0, 8.0, 2.0])
    selection = top_scores(rows_of([0, 1, 2, 3], [True, False, True, False], [0] * 4), score, 2)
    assert selection.indices == [3, 1]


def test_nan_is_named_by_its_image():
    score = torch.tensor([1.0, math.nan, 2.0, math.nan])
    with raises(ALError, "image 17", "NaN"):
        top_scores(rows_of([4, 17, 20, 21], [False] * 4, [0] * 4), score, 1)


def test_nan_of_a_labelled_image_does_not_matter():
    score = torch.tensor([math.nan, 1.0])
    assert top_scores(rows_of([0, 1], [True, False], [0, 0]), score, 1).indices == [1]


def test_minus_infinity_is_chosen_last_and_infinity_first():
    score = torch.tensor([-math.inf, 1.0, math.inf, 2.0])
    selection = top_scores(rows_of([0, 1, 2, 3], [False] * 4, [0] * 4), score, 4)
    assert selection.indices == [2, 3, 1, 0]
