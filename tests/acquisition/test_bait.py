"""BAIT: what it hands to the search (tests/acquisition/test_fisher.py), and what it refuses."""

import pytest
import torch

from al_lightning.acquisition import BAIT
from al_lightning.acquisition.functional.fisher import forward_backward
from al_lightning.acquisition.testing import TinySegmenter
from al_lightning.errors import ALError, UsageError
from al_lightning.networks import WideResNet
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.heads import head
from tests.support.plain_bait import plain
from tests.support.selections import allowed, inputs


def test_probabilities_are_those_of_the_head():
    embedding, classifier = torch.randn(20, 5, generator=torch.Generator().manual_seed(0)), head(3, 5)
    rows = inputs((0, 4), head=classifier, embedding=embedding)
    probability = (embedding.double() @ classifier.weight.T + classifier.bias).softmax(dim=1)
    expected = forward_backward(embedding, probability, rows.labelled, 4, allowed(20, (0, 4)), 0.5)
    chosen = BAIT(0.5).select(rows, 4, generator("select", 0))
    assert chosen.indices == expected[0]
    assert chosen.scores == pytest.approx(expected[1])


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("largest", [1e6, 1e8])  # with a penalty of 1 the latter leave a matrix without an inverse
def test_embeddings_of_any_scale_are_told_apart_with_a_penalty_that_the_run_is_told(seed, largest):
    scale = torch.tensor([largest, largest, 1, 1, 1e-6])
    embedding, classifier = torch.randn(40, 5, generator=torch.Generator().manual_seed(seed)) * scale, head(3, 5)
    classifier = classifier._replace(weight=classifier.weight / scale)
    rows = inputs(tuple(range(6)), head=classifier, embedding=embedding)
    probability = classifier(embedding).softmax(dim=1)
    penalty = 1e-6 * float((embedding.double().square().sum(dim=1) * (1 - probability.square().sum(dim=1))).max())
    chosen = BAIT().select(rows, 6, generator("select", 0))
    assert chosen.indices == plain(embedding, probability, rows.labelled, 6, penalty)[0]
    assert f"a penalty of {penalty:.3g}" in chosen.note
    usual = inputs(tuple(range(6)), head=head(3, 5), embedding=embedding / scale)
    assert BAIT().select(usual, 6, generator("select", 0)).note == ""


def test_more_than_two_thousand_weights_are_refused():
    BAIT().check(WideResNet(10))  # 10 x 128
    with raises(UsageError, "BAIT", "100 classes x 128 features", "12,800", "2,000", "badge"):
        BAIT().check(WideResNet(100))


def test_a_head_that_is_too_wide_is_refused(monkeypatch):
    wide = WideResNet(4)
    monkeypatch.setattr(wide, "head_on_embedding", lambda: torch.nn.Linear(1280, 4))
    with raises(UsageError, "5,120", "up to 500 features, or another strategy"):
        BAIT().check(wide)


def test_a_network_without_a_linear_head_is_refused():
    with raises(UsageError, "BAIT", "TinySegmenter", "badge"):
        BAIT().check(TinySegmenter())


def test_a_head_that_is_not_finite_is_a_sentence():
    classifier = head(3, 5)
    classifier.weight[0, 0] = torch.nan
    with raises(ALError, "BAIT", "head"):
        BAIT().select(inputs(head=classifier, embedding=torch.randn(9, 5)), 2, generator("select", 0))
