"""Comparisons over few seeds: what holds of any values."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from al_lightning.results.inference import ALPHA
from al_lightning.results.statistics import compare, noncentrality
from tests.support.blocks import blocks
from tests.support.quick import quick


def numbers(one):
    return (one.mean, one.low, one.high, one.p, one.p_single, one.smallest, one.df, one.verdict)


@quick
@given(blocks(), st.randoms(use_true_random=False))
def test_the_order_of_seeds_methods_and_pairs_does_not_matter(values, random):
    pairs = list(combinations(values, 2))
    names = random.sample(list(values), len(values))
    mixed = {name: dict(random.sample(list(values[name].items()), len(values[name]))) for name in names}
    order = random.sample(pairs, len(pairs))
    before, after = (dict(zip(p, compare(v, p), strict=True)) for v, p in ((values, pairs), (mixed, order)))
    assert all(numbers(before[pair]) == numbers(after[pair]) for pair in pairs)


@quick
@given(blocks())
def test_swapping_two_methods_flips_the_sign(values):
    for mine, theirs in combinations(values, 2):
        (one,), (other,) = compare(values, [(mine, theirs)]), compare(values, [(theirs, mine)])
        assert (one.mean, one.low, one.high) == (-other.mean, -other.high, -other.low)
        assert (one.p, one.smallest, one.seeds) == (other.p, other.smallest, other.seeds)


@quick
@given(blocks(), st.sampled_from([-64.0, 32.0, 1024.0]))
def test_a_constant_added_to_all_changes_nothing(values, constant):
    moved = {name: {seed: v + constant for seed, v in by.items()} for name, by in values.items()}
    for one, other in zip(compare(values), compare(moved), strict=True):
        if one.tests and one.deviation > 1e-3:
            assert numbers(other)[:3] == pytest.approx(numbers(one)[:3], rel=1e-5, abs=1e-5)
            assert other.p_single == pytest.approx(one.p_single, rel=1e-3, abs=1e-9)


@quick
@given(blocks())
def test_from_five_seeds_on_other_methods_count_and_nothing_more(values):
    """The interval of a pair is that of the pair alone, at 5 % divided by one of the numbers of comparisons."""
    by_all = compare(values)
    for one in by_all:
        (alone,) = compare({name: values[name] for name in ("random", one.method)})
        if one.seeds < 5:
            continue
        assert (one.mean, one.deviation, one.df, one.p_single) == (
            alone.mean, alone.deviation, alone.df, alone.p_single,
        ) or (math.isnan(one.deviation) and one.mean == alone.mean)  # fmt: skip
        if one.tests:
            halves = [
                special.stdtrit(one.df, 1 - ALPHA / count / 2) * one.deviation / math.sqrt(one.seeds)
                for count in range(1, one.tests + 1)
            ]
            assert any(one.high - one.mean == pytest.approx(half, rel=1e-6, abs=1e-6) for half in halves)
            wider = noncentrality(one.df, ALPHA / one.tests) / noncentrality(one.df, ALPHA)
            assert one.smallest == pytest.approx(alone.smallest * wider)


@quick
@given(blocks())
def test_intervals_and_corrected_p_agree(values):
    for one in compare(values, list(combinations(values, 2))):
        assert one.shows == (one.p <= ALPHA)
        assert one.p >= one.p_single
        assert one.low <= one.mean <= one.high
        if one.tests:
            assert abs(one.mean) < one.smallest or one.shows  # what would have shown and is there does
