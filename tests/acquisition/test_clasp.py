"""ClaSP: entropy by class, quotas, and the noise over a run."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition import ClaSP
from al_lightning.acquisition.clasp import class_entropy, class_quotas
from al_lightning.acquisition.functional import mean_entropy
from al_lightning.seeding import generator
from tests.support.quick import quick
from tests.support.selections import inputs


def test_entropy_by_class_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0]])  # (3/4, 1/4): 0.562335 nats
    assert class_entropy(logits).tolist() == [pytest.approx([0.421751, 0.140584], abs=1e-6)]
    pixels = torch.tensor([[[[math.log(3.0), 500.0]], [[0.0, 0.0]]]])  # the second pixel is certain
    assert class_entropy(pixels).tolist() == [pytest.approx([0.210876, 0.070292], abs=1e-6)]


@pytest.mark.parametrize("size", [(5, 4), (5, 4, 3, 6)])
def test_entropy_by_class_adds_up_to_the_entropy(size):
    logits = torch.randn(size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(class_entropy(logits).sum(dim=1), mean_entropy(logits))


@given(count=st.integers(0, 40), classes=st.integers(1, 12), seed=st.integers(0, 20))
@quick
def test_quotas_are_even_and_cover_each_class_once(count, classes, seed):
    quotas = class_quotas(count, classes, generator("select", seed))
    assert sorted(number for number, _ in quotas) == list(range(classes))
    each = [quota for _, quota in quotas]
    assert sum(each) == count
    assert max(each) - min(each) <= 1


def test_classes_are_served_in_random_order():
    orders = {tuple(class_quotas(4, 3, generator("select", seed))) for seed in range(60)}
    assert len(orders) == 6


def example(size=90):
    logits = 3 * torch.randn(size, 3, generator=torch.Generator().manual_seed(0))
    by_class = class_entropy(logits)
    return inputs(score=by_class.sum(dim=1), class_score=by_class)


def test_without_noise_two_thirds_are_the_highest_of_each_class_and_the_rest_the_highest_entropies():
    rows = example()
    strategy = ClaSP(beta=1e9, last_beta=1e9)
    chosen = strategy.select(rows, 12, generator("select", 3))
    quotas = class_quotas(7, 3, generator("select", 3))  # 66 % of 12 is 7.92
    expected = []
    for number, quota in quotas:
        order = rows.part("class_score")[:, number].argsort(descending=True).tolist()
        expected += [row for row in order if row not in expected][:quota]
    order = rows.part("score")[:, 0].argsort(descending=True).tolist()
    expected += [row for row in order if row not in expected][:5]
    assert chosen.indices == expected
    assert chosen.scores == pytest.approx(rows.part("score")[expected, 0].tolist())


def test_the_share_decides_how_much_is_stratified():
    rows = example()
    highest = rows.part("score")[:, 0].argsort(descending=True)[:6].tolist()
    assert ClaSP(0.0, 1e9, 1e9).select(rows, 6, generator("select", 0)).indices == highest


def test_noise_falls_from_the_first_choice_to_the_last():
    rows, strategy = example(), ClaSP(share=0.0)
    highest = set(rows.part("score")[:, 0].argsort(descending=True)[:20].tolist())

    def hits(cycle, cycles):
        return sum(
            len(highest & set(strategy.select(of, 20, generator("select", seed)).indices))
            for seed in range(30)
            for of in [rows._replace(cycle=cycle, cycles=cycles)]
        )

    first, middle, last = hits(0, 5), hits(2, 5), hits(4, 5)
    assert first < middle < last
    assert hits(0, 1) == first  # a single choice is a first one
    # The middle choice has the geometric mean of both: beta 10.
    constant = ClaSP(share=0.0, beta=10.0, last_beta=10.0).select(rows, 20, generator("select", 1))
    assert strategy.select(rows._replace(cycle=2, cycles=5), 20, generator("select", 1)) == constant


def test_a_class_that_no_image_may_have_takes_random_ones():
    """A probe gives a class without a label the probability 0, and positions are often in the order of the classes."""
    by_class = torch.zeros(300, 3)
    by_class[:, 0] = torch.rand(300, generator=torch.Generator().manual_seed(0))
    rows = inputs(score=by_class[:, 0], class_score=by_class)
    batches = [ClaSP(share=1.0).select(rows, 30, generator("select", seed)).indices for seed in range(20)]
    assert 0.4 < sum(row < 150 for batch in batches for row in batch) / 600 < 0.6
