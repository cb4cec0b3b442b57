"""The base of all strategies: what a selection must be, and what is there without an override."""

import pytest
import torch

from al_lightning.acquisition import (
    Entropy,
)
from al_lightning.acquisition.base import Acquisition, check_selection
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Selection
from tests.support.errors import raises
from tests.support.scored import CANDIDATES, Watched, batch_of


@pytest.mark.parametrize(
    ("indices", "scores", "fact"),
    [
        ([2], [0.0], "1 images where 2"),
        ([2, 6, 8], [0.0] * 3, "3 images where 2"),
        ([], [], "0 images where 2"),
        ([6, 6], [0.0, 0.0], "twice"),
        ([2, 4], [0.0, 0.0], "image 4, which is no candidate"),
        ([2, 3], [0.0, 0.0], "image 3, which is no candidate"),
        ([-1, 2], [0.0, 0.0], "image -1, which is no candidate"),
        ([2, 6], [0.0], "1 scores for 2 images"),
    ],
)
def test_check_selection_names_each_kind_of_broken_strategy(indices, scores, fact):
    with raises(UsageError, "Mine", fact):
        check_selection(Selection(indices, scores), CANDIDATES, 2, "Mine")


def test_check_selection_accepts_a_sound_one():
    check_selection(Selection([8, 2], [1.0, 0.5]), CANDIDATES, 2, "Mine")


class Silent(Acquisition):
    """Has no score of its own."""


def test_candidates_are_all_unlabelled_images_by_default():
    assert Entropy().candidates(Pool(5).label([3, 0]), generator("candidates", 0, 0)) == [1, 2, 4]


def test_a_strategy_without_score_says_so():
    with raises(NotImplementedError, "Silent", "score()"):
        Silent().score(Watched(), batch_of(torch.zeros(1, 3, 2, 2)))
