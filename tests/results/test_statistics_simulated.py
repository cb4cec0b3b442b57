"""Simulations of few seeds: how often a comparison claims what is not there, and shows what is there.

Every share is of SETS sets unless said otherwise; its Monte Carlo error (standard deviation) stands beside it.
"""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from al_lightning.results.comparison import MANY
from al_lightning.results.inference import noncentrality
from al_lightning.results.statistics import PairedValues, compare, compare_together
from tests.support.blocks import simple

SETS = 20_000
NOISE = {
    "equal": (1.0, 1.0, 1.0, 1.0, 1.0),
    "baseline doubled": (2.0, 1.0, 1.0, 1.0, 1.0),
    "one method times five": (1.0, 5.0, 1.0, 1.0, 1.0),
}
"""Deviations of the baseline and of the four methods that are compared with it."""


def corrected_p(values):
    """The analysis of complete sets, (N, M, S) with the baseline first, written out once more: corrected p, (N, M - 1).

    Apart from `compare`, which it is held to below. Below 5 seeds: residuals of rows and columns. From 5 on: each
    pair's own differences. Then Student's t, and Holm.
    """
    _, methods, seeds = values.shape
    differences = values[:, 1:] - values[:, :1]
    if seeds < MANY:
        rest = values - values.mean(1, keepdims=True) - values.mean(2, keepdims=True)
        rest += values.mean((1, 2), keepdims=True)
        df = (methods - 1) * (seeds - 1)
        error = np.sqrt(2 * (rest**2).sum((1, 2)) / df / seeds)[:, None]
    else:
        df, error = seeds - 1, differences.std(2, ddof=1) / math.sqrt(seeds)
    p = 2 * special.stdtr(df, -np.abs(differences.mean(2)) / error)
    order = p.argsort(1)
    steps = np.maximum.accumulate(np.sort(p, 1) * np.arange(methods - 1, 0, -1), 1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, steps.clip(max=1), 1)
    return corrected


def noise(key, methods, seeds, sets=SETS, common=3.0, deviations=(1.0,)):
    """Sets of equal methods: noise of these deviations, and what all methods of a seed share."""
    draw = np.random.default_rng([20, key, methods, seeds])
    each = np.reshape(deviations, (-1, 1)) * draw.normal(size=(sets, methods + 1, seeds))
    return each + common * draw.normal(size=(sets, 1, seeds))


def agree(values, p):
    """Hold `compare` to the corrected p of the first sets."""
    _, methods, seeds = values.shape
    for one, expected in zip(values[:20], p[:20], strict=True):
        assert [c.p for c in compare(simple(methods, seeds, one.tolist()))] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 10])
@pytest.mark.parametrize("methods", [1, 2, 3, 4])
def test_without_a_difference_at_most_one_set_in_twenty_makes_a_claim(methods, seeds):
    values = noise(0, methods, seeds)
    p = corrected_p(values)
    # Monte Carlo error: sqrt(0.05 x 0.95 / 20000) = 0.0015; three of them are allowed.
    assert (p.min(1) <= 0.05).mean() <= 0.05 + 3 * 0.0015
    # It is no emptier than Holm's correction makes it: never under 2.5 %.
    assert (p.min(1) <= 0.05).mean() >= 0.025
    agree(values, p)


@pytest.mark.parametrize("situation", NOISE)
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_from_five_seeds_on_unequal_noise_makes_no_more_claims(seeds, situation):
    """Four comparisons with a baseline; by the noise of all methods together, 8 to 12 % of sets made a false claim."""
    values = noise(5, 4, seeds, deviations=NOISE[situation])
    p = corrected_p(values)
    assert (p.min(1) <= 0.05).mean() <= 0.055
    agree(values, p)


def test_with_few_seeds_the_docs_say_how_often_unequal_noise_misleads():
    """docs/choices.md states the share of sets with a false claim, in percent; Monte Carlo error up to 0.25."""
    for (situation, seeds), share in documented().items():
        p = corrected_p(noise(5, 4, seeds, deviations=NOISE[situation]))
        assert 100 * (p.min(1) <= 0.05).mean() == pytest.approx(share, abs=0.06), (situation, seeds)
    assert len(documented()) == 3 * 6


def documented():
    """The table of docs/choices.md: (noise, seeds) to percent of sets."""
    text = (Path(__file__).parents[2] / "docs/choices.md").read_text()
    (heads,) = re.findall(r"^\| noise \|(.*)\|$", text, re.MULTILINE)
    columns = [int(re.findall(r"\d+", head)[0]) for head in heads.split("|")]
    found = {}
    for situation in NOISE:
        (row,) = re.findall(rf"^\| {situation} \|(.*)\|$", text, re.MULTILINE)
        found |= {(situation, seeds): float(cell) for seeds, cell in zip(columns, row.split("|"), strict=True)}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("situation", NOISE)
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_the_comparisons_themselves_make_no_more_claims(seeds, situation):
    """The same as above through `compare` alone: at most 5.5 % of 20,000 sets with a false claim."""
    values = noise(6, 4, seeds, deviations=NOISE[situation])
    claims = sum(any(c.shows for c in compare(simple(5, seeds, one))) for one in values.tolist())
    assert claims / SETS <= 0.055


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_page_of_two_columns_makes_no_more_claims_than_one(seeds):
    """Corrected column by column, 7.8 % of such pages made a false claim. Here each column has four comparisons."""
    first, second = noise(7, 4, seeds), noise(8, 4, seeds)
    claims = 0
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        settings = [simple(5, seeds, each) for each in (one, other)]
        found = compare_together(
            {n: PairedValues(v, [(m, "random") for m in v if m != "random"]) for n, v in enumerate(settings)}
        )
        claims += any(c.shows for group in found.values() for c in group)
    assert 0.025 <= claims / SETS <= 0.05 + 3 * 0.0015


@pytest.mark.parametrize("heavy", [True, False])
def test_heavy_tails_and_skew_make_claims_rarer(heavy):
    draw = np.random.default_rng(21)
    for seeds in (2, 3, 4, 5, 10):
        shape = (SETS, 4, seeds)
        p = corrected_p(draw.standard_t(3, shape) if heavy else draw.exponential(size=shape))
        assert (p.min(1) <= 0.05).mean() <= 0.05


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("methods", [1, 2, 4])
def test_the_smallest_difference_shows_in_four_of_five_sets(methods, seeds):
    values = noise(2, methods, seeds)
    df = seeds - 1 if seeds >= MANY else methods * (seeds - 1)
    # Of deviation 1, a difference of two means has the standard error sqrt(2 / seeds).
    values[:, 1] += noncentrality(df, 0.05 / methods) * math.sqrt(2 / seeds)
    shown = corrected_p(values)[:, 0] <= 0.05
    # Monte Carlo error: sqrt(0.8 x 0.2 / 20000) = 0.0028; Holm's later steps may only add.
    assert 0.8 - 3 * 0.0028 <= shown.mean() <= 0.8 + (3 * 0.0028 if methods == 1 else 0.012)


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
