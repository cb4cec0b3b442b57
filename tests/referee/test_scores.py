"""Strategies of uncertainty beside scikit-activeml on the same arrays; rows.yaml says what is found."""

import numpy as np
import pytest
import torch
from skactiveml import pool as peer
from skactiveml.base import SkactivemlClassifier

from al_lightning.acquisition import BADGE, FALCUN, DropQuery
from al_lightning.acquisition.badge import output_gradient
from al_lightning.acquisition.falcun import relevance
from al_lightning.acquisition.functional import (
    entropy,
    mean_least_confidence,
    mean_margin,
    mutual_information,
    variation_ratio,
)
from al_lightning.seeding import generator
from al_lightning.types import LinearHead
from tests.support.heads import head
from tests.support.selections import inputs


def classifier_of(linear):
    """A classifier of the peer whose logits are those of a linear head."""

    class Linear(SkactivemlClassifier):
        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return linear(torch.from_numpy(np.asarray(X))).softmax(dim=1).numpy()

        def predict(self, X):
            return self.predict_proba(X).argmax(axis=1)

    return Linear(classes=list(range(len(linear.bias))))


def ask(strategy, embedding, linear, count):
    """The peer's choices, and for each choice the utilities of all images, NaN for those chosen before."""
    points = embedding.double().numpy()
    return strategy.query(
        points,
        np.full(len(points), np.nan),
        classifier_of(linear),
        fit_clf=False,
        batch_size=count,
        return_utilities=True,
    )


def example(size=12):
    linear = head(3, 4)
    embedding = torch.randn(size, 4, generator=torch.Generator().manual_seed(1))
    return embedding, linear, linear(embedding)


def gradients(embedding, logits):
    gradient = output_gradient(logits)
    points = (gradient.double()[:, :, None] * embedding.double()[:, None]).flatten(1)
    return inputs(gradient=gradient, embedding=embedding), points


def test_uncertainties_agree():
    logits = 3 * torch.randn(50, 5, generator=torch.Generator().manual_seed(0)).double()
    ours = {
        "margin_sampling": 1 - mean_margin(logits),
        "least_confident": mean_least_confidence(logits),
        "entropy": entropy(logits),
    }
    for method, score in ours.items():
        theirs = peer.uncertainty_scores(logits.softmax(dim=1).numpy(), method=method)
        assert score.tolist() == pytest.approx(theirs.tolist(), abs=1e-6), method


def test_bald_agrees_with_the_first_choice_of_batchbald():
    passes = 2 * torch.randn(10, 50, 5, generator=torch.Generator().manual_seed(0))
    theirs = peer.batch_bald(passes.double().softmax(dim=2).numpy(), batch_size=1)[0]
    assert mutual_information(passes).tolist() == pytest.approx(theirs.tolist(), abs=1e-6)


def test_variation_ratios_agree():
    votes = torch.randint(4, (5, 50), generator=torch.Generator().manual_seed(0))
    assert variation_ratio(votes).tolist() == pytest.approx(peer.variation_ratios(votes.T.numpy()).tolist(), abs=1e-6)


def test_badge_begins_with_the_longest_gradient():
    embedding, linear, logits = example()
    chosen, _ = ask(peer.Badge(random_state=0), embedding, linear, 1)
    rows, points = gradients(embedding, logits)
    assert int(points.norm(dim=1).argmax()) == chosen[0]
    assert BADGE().select(rows, 1, generator("select", 0)).indices == [chosen[0]]


def test_badge_of_the_peer_keeps_the_origin():
    embedding, linear, logits = example()
    rows, points = gradients(embedding, logits)
    (first, _), utilities = ask(peer.Badge(random_state=0), embedding, linear, 2)
    length, square = points.square().sum(dim=1), (points - points[first]).square().sum(dim=1)
    theirs = torch.from_numpy(utilities[1]).nan_to_num()
    with_origin = torch.minimum(length, square)
    assert theirs.tolist() == pytest.approx((with_origin / with_origin.sum()).tolist(), abs=1e-6)
    # Ours by frequency: the image that gains most without the origin is drawn as often as k-means++ says.
    ours = square / square.sum()
    most = int((ours - theirs).argmax())
    assert ours[most] > theirs[most] + 0.05
    drawn = [BADGE().select(rows, 2, generator("select", seed)).indices[1] for seed in range(2000)]
    assert drawn.count(most) / 2000 == pytest.approx(float(ours[most]), abs=0.03)


def test_falcun_scales_distances_otherwise():
    embedding, linear, _ = example()
    linear = LinearHead(linear.weight / 10, linear.bias / 10)  # all images unsure, so that scaling shows
    logits = linear(embedding)
    probability = logits.softmax(dim=1)
    uncertainty = 1 - mean_margin(logits).double()
    (first, _), utilities = ask(peer.Falcun(gamma=2, random_state=0), embedding, linear, 2)
    every = torch.ones(12, dtype=torch.bool)

    def share(value):
        return (value**2 / (value**2).sum()).tolist()

    # The first draw: theirs of twice the uncertainty, ours of the uncertainty and itself scaled.
    assert utilities[0].tolist() == pytest.approx(share(2 * uncertainty), abs=1e-5)
    ours = relevance(uncertainty, uncertainty, every)
    assert share(ours) != pytest.approx(share(2 * uncertainty), abs=1e-2)
    drawn = [
        FALCUN(2)
        .select(inputs(uncertainty=uncertainty, probability=probability), 1, generator("select", seed))
        .indices[0]
        for seed in range(2000)
    ]
    likeliest = int(ours.argmax())
    assert drawn.count(likeliest) / 2000 == pytest.approx(share(ours)[likeliest], abs=0.03)
    # The second draw: theirs scales over all images, of which the chosen one is at 0; ours over those that are left.
    nearest = torch.minimum(uncertainty, (probability - probability[first]).abs().sum(dim=1))
    theirs = uncertainty + nearest / nearest.max()
    theirs[first] = 0
    assert np.nan_to_num(utilities[1]).tolist() == pytest.approx(share(theirs), abs=1e-5)
    left = every.clone()
    left[first] = False
    ours = torch.where(left, relevance(uncertainty, nearest, left), 0.0)
    assert share(ours) != pytest.approx(share(theirs), abs=1e-3)


def test_dropquery_of_the_peer_does_not_rescale():
    # Of 400 equal features a quarter is left: with rescaling their sum stays above the bias of the other class.
    linear = LinearHead(torch.tensor([[1.0] * 400, [0.0] * 400]).double(), torch.tensor([0.0, 200.0]).double())
    embedding = torch.ones(20, 400) + torch.linspace(0, 0.1, 20)[:, None]
    _, utilities = ask(peer.DropQuery(random_state=0), embedding, linear, 2)
    assert np.isfinite(utilities[0]).sum() == 20  # all are candidates: all flip in most passes
    ours = DropQuery().select(inputs(head=linear, embedding=embedding), 2, generator("select", 0))
    assert ours.scores == [0, 0]  # no image flips in any pass
