"""Holm, the noncentral t and the bootstrap: by hand, and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from al_lightning.results.statistics import (
    bca,
    holm,
    noncentrality,
)
from tests.support.quick import quick


def test_holm_by_hand():
    corrected, levels = holm([0.01, 0.04, 0.03, 0.005], 0.05)
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # 0.005 to 0.05 / 4; 0.01 to 0.05 / 3; 0.03 fails 0.05 / 2, and with it 0.04.
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])
    assert holm([]) == ([], [])
    assert holm([0.02, 0.02], 0.05) == ([0.04, 0.04], [0.025, 0.025])  # equal ones are held to one level
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


def test_the_bootstrap_is_mirrored_and_draws_the_same_again():
    sample = np.random.default_rng(5).normal(0.5, 1, 12).tolist()
    low, high = bca(sample)
    assert bca([-value for value in sample]) == (-high, -low)
    assert bca(sample) == (low, high)
    wide = bca(sample, 0.01)
    assert wide[0] < low < np.mean(sample) < high < wide[1]
    assert bca([0.3] * 10) == pytest.approx((0.3, 0.3))
