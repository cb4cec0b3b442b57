"""Learning loss: predicted losses of a part of the pool."""

import pytest
import torch

from al_lightning.acquisition import LearningLoss
from al_lightning.acquisition.testing import TinyClassifier, TinySegmenter
from al_lightning.errors import UsageError
from al_lightning.networks.base import LossPredictor
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.scored import Watched, batch_of


def test_learning_loss_reads_the_predicted_loss():
    network, image = TinySegmenter().eval(), torch.randn(3, 3, 8, 8)
    value = LearningLoss().score(network, batch_of(image))
    assert value.shape == (3, 1)
    assert torch.equal(value[:, 0], network(image).predicted_loss)


def test_learning_loss_runs_no_decoder():
    network = Watched()
    network.loss_predictor = LossPredictor((3,), 4)
    LearningLoss().score(network, batch_of(torch.randn(2, 3, 4, 4)))
    assert (len(network.shown), network.decoded) == (1, 0)


def test_learning_loss_refuses_a_network_that_predicts_none():
    with raises(UsageError, "Watched", "--network.loss_predictor true"):
        LearningLoss().check(Watched())
    LearningLoss().check(TinyClassifier())


def test_learning_loss_scores_a_random_part_of_the_unlabelled():
    pool, strategy = Pool(50).label(range(10)), LearningLoss(subset=8)
    drawn = [strategy.candidates(pool, generator("candidates", seed, 0)) for seed in range(40)]
    assert drawn[0] == strategy.candidates(pool, generator("candidates", 0, 0))
    assert all(len(set(part)) == len(part) == 8 for part in drawn)
    assert set().union(*drawn) == set(range(10, 50))
    assert all(type(index) is int for index in drawn[0])


@pytest.mark.parametrize("subset", [40, 41, 10000])
def test_learning_loss_scores_all_where_they_are_few(subset):
    pool = Pool(50).label(range(10))
    assert LearningLoss(subset).candidates(pool, generator("candidates", 0, 0)) == list(range(10, 50))
    assert LearningLoss().subset == 10000
