"""Uniform: images at equal distances in time."""

import pytest

from al_lightning.acquisition import Uniform
from al_lightning.errors import UsageError
from al_lightning.seeding import generator
from tests.support.errors import raises
from tests.support.scored import POOL

IN_TIME = [9, 7, 5, 3, 1, 0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [9]), (2, [9, 0]), (3, [9, 3, 2]), (4, [9, 5, 0, 4]), (5, [9, 5, 1, 2, 6]), (10, IN_TIME)],
)
def test_uniform_takes_images_at_equal_distances_in_time(count, expected):
    # Places floor(i x 10 / count): 3 -> 0 3 6; 4 -> 0 2 5 7.
    assert Uniform().initial(POOL, count, generator("initial", 0)) == expected
    assert Uniform().initial(POOL, count, generator("initial", 1)) == expected


def test_uniform_spends_its_budget_in_one_fit_without_a_network():
    assert Uniform.one_fit
    assert not Uniform.needs_network


@pytest.mark.parametrize("count", [0, 11])
def test_uniform_refuses_a_budget_that_the_pool_cannot_serve(count):
    with raises(UsageError, "Uniform", count, "10 images", "--budget.initial"):
        Uniform().initial(POOL, count, generator("initial", 0))
