"""Power: frequencies of noisy batches against the probabilities of drawing without replacement."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from al_lightning.acquisition import BALD, Coreset, Entropy, Full, LearningLoss, Power, Random
from al_lightning.acquisition.testing import check_strategy
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.quick import quick
from tests.support.selections import inputs

SCORES = torch.tensor([0.1, 0.9, 0.4, 0.6])


def weights(kind, beta):
    if kind == "power":
        return SCORES.double() ** beta
    if kind == "softmax":
        return (beta * SCORES.double()).exp()
    return torch.tensor([4.0, 1.0, 3.0, 2.0]).double() ** -beta


DRAWS = 800


@pytest.mark.parametrize("beta", [1.0, 2.5])
@pytest.mark.parametrize("kind", ["power", "softmax", "softrank"])
def test_batches_are_drawn_one_by_one_without_replacement(kind, beta):
    weight = weights(kind, beta)
    pairs = list(itertools.permutations(range(4), 2))
    expected = [float(weight[a] / weight.sum() * weight[b] / (weight.sum() - weight[a])) for a, b in pairs]
    strategy, seen = Power(Entropy(), beta, kind), dict.fromkeys(pairs, 0)
    for seed in range(DRAWS):
        seen[tuple(strategy.select(inputs(score=SCORES), 2, generator("select", seed)).indices)] += 1
    # Rare pairs in one cell.
    observed, wanted = np.array(list(seen.values())), DRAWS * np.array(expected)
    common = wanted >= 8
    cells = [[*part[common], part[~common].sum()] if (~common).any() else part for part in (observed, wanted)]
    assert stats.chisquare(*cells).pvalue > 0.01


def test_scores_that_are_not_above_zero_come_last_in_random_order():
    score = torch.tensor([0.0, -1.0, 0.0, 1e-30, 0.5])
    orders = {
        tuple(Power(Entropy()).select(inputs(score=score), 5, generator("select", seed)).indices) for seed in range(60)
    }
    assert {order[:2] for order in orders} <= {(3, 4), (4, 3)}
    assert {order[2:] for order in orders} == set(itertools.permutations([0, 1, 2]))


@given(seed=st.integers(0, 99), kind=st.sampled_from(["power", "softmax"]))
@quick
def test_an_images_draw_does_not_depend_on_the_candidates(seed, kind):
    rows = inputs(score=torch.rand(30, generator=torch.Generator().manual_seed(seed)))
    strategy = Power(Entropy(), kind=kind)
    order = strategy.select(rows, 30, generator("select", seed)).indices
    kept = torch.rand(30, generator=torch.Generator().manual_seed(seed + 1)) < 0.5
    kept[0] = True
    few = strategy.select(rows.only(kept), int(kept.sum()), generator("select", seed)).indices
    assert few == [row for row in order if kept[row]]


def test_a_large_beta_takes_the_highest_scores_and_reports_them():
    rows = inputs((1,), score=SCORES)
    chosen = Power(Entropy(), beta=1e6).select(rows, 3, generator("select", 0))
    assert chosen.indices == [3, 2, 0]
    assert chosen.scores == pytest.approx([0.6, 0.4, 0.1])


def test_it_asks_its_strategy_for_all_else():
    bald, subset = Power(BALD(4)), Power(LearningLoss(subset=3))
    assert bald.score_passes == BALD.score_passes
    assert bald.strategy.passes == 4
    assert subset.narrowed_by == "strategy.subset"
    assert len(subset.candidates(Pool(9), generator("candidates", 0))) == 3
    assert Power(Entropy()).narrowed_by is None
    keyed = Entropy()
    keyed.keyed_by_position = True
    assert Power(keyed).keyed_by_position


@pytest.mark.parametrize("other", [Coreset, Random, Full])
def test_a_strategy_that_takes_no_highest_scores_is_refused(other):
    with raises(UsageError, "acquisition.strategy", other.__name__, "Entropy"):
        Power(other())


@pytest.mark.parametrize(
    "make",
    [lambda: Power(BALD(2)), lambda: Power(LearningLoss(20), kind="softrank"), lambda: Power(Entropy(), 3, "softmax")],
    ids=["BALD", "LearningLoss", "Entropy"],
)
def test_it_conforms_around_any_strategy(make):
    check_strategy(make)
