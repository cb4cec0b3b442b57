"""Simulations of few seeds: how often a comparison claims what is not there, and shows what is there.

Every share is of SETS sets unless said otherwise; its Monte Carlo error (standard deviation) stands beside it.
"""

import math

import numpy as np
import pytest
from scipy import special

from al_lightning.results.inference import noncentrality
from al_lightning.results.statistics import compare
from tests.support.blocks import simple

SETS = 20_000


def corrected_p(values):
    """The analysis of complete sets, (N, M, S) with the baseline first, written out once more: corrected p, (N, M - 1).

    Residuals of rows and columns, Student's t, Holm: apart from `compare`, which it is held to below.
    """
    _, methods, seeds = values.shape
    rest = values - values.mean(1, keepdims=True) - values.mean(2, keepdims=True) + values.mean((1, 2), keepdims=True)
    df = (methods - 1) * (seeds - 1)
    error = np.sqrt(2 * (rest**2).sum((1, 2)) / df / seeds)[:, None]
    p = 2 * special.stdtr(df, -np.abs(values[:, 1:].mean(2) - values[:, :1].mean(2)) / error)
    order = p.argsort(1)
    steps = np.maximum.accumulate(np.sort(p, 1) * np.arange(methods - 1, 0, -1), 1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, steps.clip(max=1), 1)
    return corrected


def noise(key, methods, seeds, sets=SETS, common=3.0):
    """Sets of equal methods: noise of deviation 1, and what all methods of a seed share."""
    draw = np.random.default_rng([20, key, methods, seeds])
    return draw.normal(size=(sets, methods + 1, seeds)) + common * draw.normal(size=(sets, 1, seeds))


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("methods", [1, 2, 3, 4])
def test_without_a_difference_at_most_one_set_in_twenty_makes_a_claim(methods, seeds):
    values = noise(0, methods, seeds)
    p = corrected_p(values)
    # Monte Carlo error: sqrt(0.05 x 0.95 / 20000) = 0.0015; three of them are allowed.
    assert (p.min(1) <= 0.05).mean() <= 0.05 + 3 * 0.0015
    # It is no emptier than Holm's correction makes it: never under 2.5 %.
    assert (p.min(1) <= 0.05).mean() >= 0.025
    for one, expected in zip(values[:20], p[:20], strict=True):
        assert [c.p for c in compare(simple(methods + 1, seeds, one.tolist()))] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("methods", [1, 4])
def test_from_ten_seeds_on_the_bootstrap_has_to_agree(methods):
    values = noise(1, methods, 10, 2000)
    # A claim needs the t test's: only the sets where it makes one are asked.
    suspects = [simple(methods + 1, 10, one.tolist()) for one in values[corrected_p(values).min(1) <= 0.05]]
    compared = [compare(one) for one in suspects]
    # Monte Carlo error of 2000 sets: 0.0049; two of them are allowed.
    assert sum(any(c.shows for c in one) for one in compared) / len(values) <= 0.05 + 2 * 0.0049
    for one in (c for group in compared for c in group):
        assert one.bootstrap is not None
        assert one.low <= one.bootstrap[0] <= one.bootstrap[1] <= one.high
        assert one.shows == (one.p <= 0.05 and (one.bootstrap[0] > 0 or one.bootstrap[1] < 0))


@pytest.mark.parametrize("heavy", [True, False])
def test_heavy_tails_and_skew_make_claims_rarer(heavy):
    draw = np.random.default_rng(21)
    for seeds in (2, 3, 5):
        shape = (SETS, 4, seeds)
        p = corrected_p(draw.standard_t(3, shape) if heavy else draw.exponential(size=shape))
        assert (p.min(1) <= 0.05).mean() <= 0.05  # 0.027 to 0.038


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("methods", [1, 2, 4])
def test_the_smallest_difference_shows_in_four_of_five_sets(methods, seeds):
    values = noise(2, methods, seeds)
    # Of deviation 1, a difference of two means has the standard error sqrt(2 / seeds).
    values[:, 1] += noncentrality(methods * (seeds - 1), 0.05 / methods) * math.sqrt(2 / seeds)
    shown = corrected_p(values)[:, 0] <= 0.05
    # Monte Carlo error: sqrt(0.8 x 0.2 / 20000) = 0.0028; Holm's later steps may only add.
    assert 0.8 - 3 * 0.0028 <= shown.mean() <= 0.8 + (3 * 0.0028 if methods == 1 else 0.01)


@pytest.mark.parametrize("methods", [1, 4])
def test_the_smallest_difference_with_the_bootstrap(methods):
    values, claims = noise(3, methods, 10, 300), 0
    values[:, 1] += noncentrality(9, 0.05 / methods) * math.sqrt(2 / 10)
    for one in values:
        claims += compare(simple(methods + 1, 10, one.tolist()))[0].shows
    # Monte Carlo error of 300 sets: 0.023, three of them; with more methods there is more to spare.
    assert 0.8 - 3 * 0.023 <= claims / 300 <= 0.8 + (3 * 0.023 if methods == 1 else 0.12)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_intervals_cover_what_they_state(seeds):
    values = noise(4, 2, seeds, 2000)
    values[:, 1] += 1.5
    covered = np.zeros((len(values), 2), bool)
    for place, one in enumerate(values):
        for column, (c, truth) in enumerate(zip(compare(simple(3, seeds, one.tolist())), (1.5, 0.0), strict=True)):
            covered[place, column] = c.low <= truth <= c.high
    # Monte Carlo error of 2000 sets: 0.0049. At least 95 %, and no more than Bonferroni's 97.5.
    assert (covered.mean(0) >= 0.95 - 3 * 0.0049).all()
    assert (covered.mean(0) <= 0.975 + 3 * 0.0035).all()
    single = [compare(simple(2, seeds, one[:2].tolist()))[0] for one in values]
    assert np.mean([c.low <= 1.5 <= c.high for c in single]) == pytest.approx(0.95, abs=3 * 0.0049)
