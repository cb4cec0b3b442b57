"""Uniform, then entropy: every n-th frame of each sequence."""

import pytest
import torch

from al_lightning.acquisition import UniformEntropy
from al_lightning.errors import UsageError
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.scored import LN2, POOL, Watched, batch_of


@pytest.mark.parametrize(
    ("step", "expected"),
    [(1, list(range(10))), (2, [1, 2, 5, 6, 9]), (3, [2, 3, 8, 9]), (5, [0, 2, 9]), (6, [2, 9])],
)
def test_uniform_entropy_offers_every_nth_frame_of_each_sequence(step, expected):
    # Step 2: 9 5 1 of the first sequence and 2 6 of the second; step 5: 9 0 and 2.
    assert UniformEntropy(step).candidates(POOL, generator("candidates", 0, 0)) == expected


def test_uniform_entropy_does_not_move_its_grid_when_images_are_labelled():
    strategy = UniformEntropy(step=2)
    assert strategy.candidates(POOL.label([9, 7, 6]), generator("candidates", 0, 0)) == [1, 2, 5]
    assert UniformEntropy().step == 5


def test_uniform_entropy_draws_its_initial_set_from_the_candidates():
    strategy = UniformEntropy(step=2)
    drawn = [strategy.initial(POOL, 2, generator("initial", seed)) for seed in range(40)]
    assert drawn[3] == strategy.initial(POOL, 2, generator("initial", 3))
    assert all(len(set(own)) == 2 for own in drawn)
    assert set().union(*drawn) == {1, 2, 5, 6, 9}
    assert sorted(strategy.initial(POOL, 5, generator("initial", 0))) == [1, 2, 5, 6, 9]


def test_uniform_entropy_says_when_its_candidates_are_too_few():
    with raises(UsageError, "acquisition.step 5", "3 candidates of 10", "asks for 4", "--budget.initial"):
        UniformEntropy().initial(POOL, 4, generator("initial", 0))
    with raises(UsageError, "step 5", "3 candidates of 10", "all of them are labelled", "--acquisition.step"):
        UniformEntropy().candidates(POOL.label([2, 9, 0]), generator("candidates", 0, 0))


def test_uniform_entropy_scores_by_the_mean_entropy():
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = UniformEntropy().score(Watched(), batch_of(image))
    assert value[:, 0].tolist() == pytest.approx([LN2, LN2 / 2], rel=1e-6)
