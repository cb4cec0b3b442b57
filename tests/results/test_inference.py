"""The additive model, Holm, the noncentral t, intervals of shares: by hand, and by their properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from al_lightning.results.comparison import Verdict
from al_lightning.results.inference import AdditiveModel, holm, newcombe, noncentrality, wilson
from al_lightning.results.statistics import compare
from tests.support.blocks import VALUES, blocks
from tests.support.quick import quick


def test_the_variance_is_pooled_over_the_methods():
    # Variances of the three differences: 0.1875, 1.75, 2.6875. In a complete design their mean is that of any
    # difference, twice the residual mean square, with (3 - 1) x (3 - 1) degrees of freedom.
    model = AdditiveModel(VALUES)
    assert model.df == 4
    assert 2 * model.variance == pytest.approx((0.1875 + 1.75 + 2.6875) / 3)


def test_rounding_is_no_noise():
    values = {"random": {s: 0.1 * s for s in range(5)}, "a": {s: 0.1 * s + 0.3 for s in range(5)}}
    assert AdditiveModel(values).squares > 0
    assert compare(values)[0].verdict is Verdict.CANNOT_TELL


@quick
@given(blocks(incomplete=False))
def test_least_squares_are_the_complete_analysis_where_all_is_there(values):
    table = np.array([[values[name][seed] for seed in values["random"]] for name in values])
    methods, seeds = table.shape
    residual = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    fit = AdditiveModel(values)
    assert fit.df == (methods - 1) * (seeds - 1)
    assert fit.squares == pytest.approx((residual**2).sum(), rel=1e-6, abs=1e-6)
    difference, factor = fit.difference("m1", "random")
    assert difference == pytest.approx(table[1].mean() - table[0].mean(), abs=1e-6)
    assert factor == pytest.approx(2 / seeds)


def test_holm_by_hand():
    corrected, levels = holm([0.01, 0.04, 0.03, 0.005])
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # 0.005 to 0.05 / 4; 0.01 to 0.05 / 3; 0.03 fails 0.05 / 2, and with it 0.04.
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    assert holm([]) == ([], [])
    assert holm([0.02, 0.02]) == ([0.04, 0.04], [0.025, 0.025])  # equal ones are held to one level
    assert holm([0.7, 0.6])[0] == [1.0, 1.0]


def test_the_smallest_difference_has_the_power_that_it_states_without_nct():
    # P(|T'| > t) of a shifted t is the mean over s of P(|Z + shift| > t s), s^2 being chi^2 / df: by quadrature.
    q = (np.arange(200_000) + 0.5) / 200_000
    for df, level in ((1, 0.05), (2, 0.0125), (4, 0.025), (18, 0.05)):
        shift, critical = noncentrality(df, level), special.stdtrit(df, 1 - level / 2)
        s = np.sqrt(special.chdtri(df, 1 - q) / df)
        power = (special.ndtr(shift - critical * s) + special.ndtr(-shift - critical * s)).mean()
        assert power == pytest.approx(0.8, abs=2e-4)


@quick
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_corrects_downwards_and_keeps_the_order(p):
    corrected, levels = holm(p)
    assert all(one >= raw for one, raw in zip(corrected, p, strict=True))
    assert [one <= 0.05 for one in corrected] == [raw <= lv for raw, lv in zip(p, levels, strict=True)]
    assert sorted(zip(p, corrected, strict=True)) == list(zip(sorted(p), sorted(corrected), strict=True))


@pytest.mark.parametrize("count", [1, 6, 40, 1000])
def test_wilson_is_that_of_scipy_and_has_a_width_at_the_ends(count):
    for right in {0, 1, count // 2, count}:
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert wilson(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert wilson(0.0, count) == pytest.approx((0, 1.959964**2 / (count + 1.959964**2)), abs=1e-7)
    assert wilson(1.0, count)[0] < 1


def test_newcombe_by_his_examples():
    """The differences of Newcombe 1998, table II, by his method 10, of which both samples have one size here."""
    assert newcombe(10 / 10, 0 / 10, 10) == pytest.approx((0.6075, 1.0), abs=5e-5)
    # By hand: Wilson's ends of 9 / 10 are 0.5958 and 0.9821, of 3 / 10 0.1078 and 0.6032.
    low = 0.6 - math.hypot(0.9 - 0.5958, 0.6032 - 0.3)
    high = 0.6 + math.hypot(0.9821 - 0.9, 0.3 - 0.1078)
    assert newcombe(0.9, 0.3, 10) == pytest.approx((low, high), abs=1e-4)


@quick
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 10_000))
def test_newcombe_is_mirrored_and_stays_between_minus_one_and_one(first, second, count):
    low, high = newcombe(first, second, count)
    assert newcombe(second, first, count) == pytest.approx((-high, -low))
    assert -1 - 1e-9 <= low <= first - second <= high <= 1 + 1e-9
    assert low < high
