"""Draws keyed by position: their distributions, and that they do not depend on the candidates."""

import numpy as np
import pytest
import torch
from scipy import stats

from al_lightning.acquisition.functional.draws import exponential, gumbel, take_in_order, winner
from al_lightning.seeding import generator
from tests.support.selections import allowed


def test_draws_have_their_distributions():
    index = torch.arange(20_000)
    assert stats.kstest(exponential(index, generator("a", 0)).numpy(), "expon").pvalue > 0.01
    assert stats.kstest(gumbel(index, generator("a", 1)).numpy(), "gumbel_r").pvalue > 0.01


def test_an_images_draw_does_not_depend_on_the_others_and_is_new_each_time():
    few, many = torch.tensor([3, 50]), torch.arange(200)
    draws = generator("a", 0), generator("a", 0)
    first = [exponential(index, each) for index, each in zip((few, many), draws, strict=True)]
    assert first[0].tolist() == first[1][few].tolist()
    second = [exponential(index, each) for index, each in zip((few, many), draws, strict=True)]
    assert second[0].tolist() == second[1][few].tolist()
    assert not set(first[1].tolist()) & set(second[1].tolist())


def test_the_winner_is_drawn_in_proportion_to_its_weight():
    weight = torch.tensor([0.0, 1.0, 2.0, 5.0, 0.0]).double()
    draws = generator("a", 0)
    won = np.bincount([winner(weight.log(), torch.arange(5), draws) for _ in range(4000)], minlength=5)
    assert won[0] == won[4] == 0
    assert stats.chisquare(won[1:4], 4000 * weight[1:4].numpy() / 8).pvalue > 0.01


@pytest.mark.parametrize("most", [1, 2])
def test_rows_are_taken_in_order_within_the_limits(most):
    group = torch.tensor([0, 0, 0, 1, 1, -1])
    order = torch.tensor([2, 1, 0, 3, 4, 5])
    expected = {1: [2, 3, 5], 2: [2, 1, 3, 4, 5]}[most]
    assert take_in_order(order, len(expected), allowed(6, group=group, most=most)) == expected
    assert take_in_order(order, 9, allowed(6, labelled=(1, 3))) == [2, 0, 4, 5]
    assert take_in_order(torch.tensor([1]), 1, allowed(6, labelled=(1,))) == []
