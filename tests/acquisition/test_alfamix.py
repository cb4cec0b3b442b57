"""ALFA-Mix: the epsilon at which a class flips, against mixed embeddings by autograd."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from al_lightning.acquisition import ALFAMix
from al_lightning.acquisition.alfamix import class_means, flipping_epsilon
from al_lightning.seeding import generator
from al_lightning.types import LinearHead
from tests.support.heads import head
from tests.support.quick import quick
from tests.support.selections import inputs


def flips(z, anchors, classifier, epsilon):
    """Whether the class of z changes for any anchor, by Eq. 5: alpha by feature, then the mixed embedding."""
    z = z.double().requires_grad_()
    logits = classifier(z[None])
    predicted = logits.argmax(dim=1)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, predicted), z)
    for anchor in anchors:
        alpha = epsilon * (anchor - z).norm() * gradient / (gradient.norm() * (anchor - z))
        mixed = alpha * anchor + (1 - alpha) * z
        if classifier(mixed[None]).argmax(dim=1) != predicted:
            return True
    return False


@given(seed=st.integers(0, 60))
@quick
def test_a_class_flips_above_this_epsilon_for_some_anchor_and_below_it_for_none(seed):
    draws = torch.Generator().manual_seed(seed)
    embedding, anchors = torch.randn(6, 5, generator=draws), torch.randn(3, 5, generator=draws).double()
    classifier = head(4, 5, seed)
    for z, epsilon in zip(embedding, flipping_epsilon(embedding, classifier, anchors).tolist(), strict=True):
        assert flips(z, anchors, classifier, 1.001 * epsilon)
        assert not flips(z, anchors, classifier, 0.999 * epsilon)


def test_class_means_are_those_of_classes_that_occur():
    embedding = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 5.0]])
    shares = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert class_means(embedding, shares).tolist() == [[2.0, 1.0], [5.0, 5.0]]
    assert class_means(embedding[:0], shares[:0]).shape == (0, 2)


def test_images_near_a_boundary_are_clustered_and_others_follow_by_epsilon():
    draws = torch.Generator().manual_seed(0)
    embedding = torch.randn(60, 4, generator=draws)
    rows = inputs((0, 1, 2, 3), head=head(3, 4), embedding=embedding)
    anchors = class_means(embedding[:4], rows.shares[:4])
    epsilon = flipping_epsilon(embedding, rows.head, anchors)[4:] * 2  # times the square root of 4 features
    near = set((4 + (epsilon <= 0.2).nonzero().flatten()).tolist())
    assert 8 < len(near) < 50
    few = ALFAMix().select(rows, 5, generator("select", 0))
    assert set(few.indices) <= near
    for index, score in zip(few.indices, few.scores, strict=True):
        assert score == pytest.approx(1 / (1 + float(epsilon[index - 4])), rel=1e-4)
    many = ALFAMix().select(rows, len(near) + 3, generator("select", 0))
    assert many.indices == (4 + epsilon.argsort()[: len(near) + 3]).tolist()


def test_how_sure_a_head_is_does_not_count():
    """Logits that are a thousand times as far apart have the same boundary; a softmax of them is 1 and 0."""
    embedding, plain = torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), head(4, 6)
    plain.bias.zero_()
    sure = plain._replace(weight=1000 * plain.weight)
    anchors = embedding[:3].double()
    two = [flipping_epsilon(embedding, LinearHead(each.weight[:2], each.bias[:2]), anchors) for each in (plain, sure)]
    assert bool(two[0].isfinite().all())
    assert two[0].tolist() == pytest.approx(two[1].tolist())
    assert bool(flipping_epsilon(embedding, sure, anchors).isfinite().any())
