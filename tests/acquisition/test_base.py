"""The base of all strategies: what is there without an override."""

import torch

from al_lightning.acquisition import Entropy
from al_lightning.acquisition.base import Acquisition
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.scored import Watched, batch_of


class Silent(Acquisition):
    """Has no score of its own."""


def test_candidates_are_all_unlabelled_images_by_default():
    assert Entropy().candidates(Pool(5).label([3, 0]), generator("candidates", 0, 0)) == [1, 2, 4]


def test_a_strategy_without_score_says_so():
    with raises(NotImplementedError, "Silent", "score()"):
        Silent().score(Watched(), batch_of(torch.zeros(1, 3, 2, 2)))
