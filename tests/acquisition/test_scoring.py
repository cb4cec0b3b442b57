"""Scoring and selection as the loop calls them."""

import numpy as np
import pytest
import torch

from al_lightning.acquisition import Coreset, Entropy, LearningLoss, Power, Random, UniformEntropy
from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import Scored, Scorer, join_members, score_pool, select
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Selection, SelectionInputs
from tests.support.errors import raises
from tests.support.scored import CANDIDATES, batch_of


def name_of(strategy):
    return type(strategy).__name__


class Fixed(Acquisition):
    """Chooses what it is told to, as NumPy numbers, as a user's strategy may."""

    def __init__(self, indices, scores):
        self.selection = Selection(np.asarray(indices), np.asarray(scores, dtype=np.float32))

    def select(self, rows, count, generator):
        return self.selection


def test_a_users_selection_becomes_plain_numbers():
    selection = select(Fixed([8, 2], [1, 0.5]), CANDIDATES, 2, generator("select", 0, 0))
    assert selection == Selection([8, 2], [1.0, 0.5])
    assert all(type(index) is int for index in selection.indices)
    assert all(type(score) is float for score in selection.scores)


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
def test_a_wrong_selection_is_named(indices, scores, fact):
    with raises(UsageError, "Fixed", fact):
        select(Fixed(indices, scores), CANDIDATES, 2, generator("select", 0, 0))


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        (Entropy(), []),
        (LearningLoss(subset=3), ["--acquisition.subset"]),
        (UniformEntropy(), ["--acquisition.step"]),
    ],
    ids=name_of,
)
def test_too_few_candidates_are_one_sentence(strategy, options):
    with raises(UsageError, name_of(strategy), "3 candidates", "4 images", *options, "--budget.query"):
        select(strategy, CANDIDATES, 4, generator("select", 0, 0))


def test_where_all_images_score_alike_the_choice_says_that_it_is_the_pools_first():
    alike = SelectionInputs(torch.tensor([2, 4, 6, 8]), torch.zeros(4, dtype=torch.bool), torch.ones(1, 4, 1))
    draw = generator("select", 0, 0)
    assert select(Entropy(), alike, 2, draw).note.startswith("the 2 images are the pool's first: all scored alike")
    assert select(Entropy(), alike, 4, draw).note == ""  # all of them
    assert select(Power(Entropy()), alike, 2, generator("select", 1)).note == ""
    different = alike._replace(value=torch.tensor([[[2.0], [1.0], [0.0], [0.0]]]))
    assert select(Entropy(), different, 2, draw).note == ""


class Fickle(Entropy):
    """Returns other kinds of numbers for images at odd positions."""

    def score(self, network, batch):
        kinds = ("a", "b") if int(batch.index[0]) % 2 else ("b", "a")
        return {kind: torch.zeros(len(batch.index), 1) for kind in kinds}


class Mute(Entropy):
    def score(self, network, batch):
        return {}


class Unable(Acquisition):
    needs_network = False


def test_other_columns_for_another_batch_are_refused():
    scorer = Scorer(torch.nn.Identity(), Fickle())
    scorer.predict_step(batch_of(torch.zeros(2, 3, 4, 4), torch.tensor([0, 1])), 0)
    with raises(UsageError, "Fickle.score", "'b': 1, 'a': 1", "'a': 1, 'b': 1", "same kinds"):
        scorer.predict_step(batch_of(torch.zeros(2, 3, 4, 4), torch.tensor([1, 2])), 1)
    with raises(UsageError, "Mute.score", "nothing"):
        Scorer(torch.nn.Identity(), Mute()).predict_step(batch_of(torch.zeros(2, 3, 4, 4)), 0)


def test_a_strategy_without_scores_has_to_select():
    with raises(UsageError, "Unable", "select()"):
        Unable().select(CANDIDATES._replace(value=torch.empty(1, 4, 0)), 1, generator("select", 0))


def test_members_rows_are_stacked_and_know_what_is_labelled():
    pool = Pool(5, (4, 0))

    def member(number):
        return lambda images: Scored(torch.tensor(images), torch.full((len(images), 2), number), {}, None)

    draws = [generator("candidates", 0, 0) for _ in range(2)]
    rows = join_members([score_pool(Coreset(), pool, draw, member(number)) for number, draw in enumerate(draws)])
    assert rows.index.tolist() == [0, 1, 2, 3, 4]
    assert rows.labelled.tolist() == [True, False, False, False, True]
    assert rows.value.tolist() == [[[0, 0]] * 5, [[1, 1]] * 5]
    assert score_pool(Entropy(), pool, draws[0], member(0)).index.tolist() == [1, 2, 3]
    assert score_pool(Random(), pool, draws[0], None).index.tolist() == [1, 2, 3]
