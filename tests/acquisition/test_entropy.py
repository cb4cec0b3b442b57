"""Entropy: the most uncertain images, by the mean over pixels."""

import pytest
import torch

from al_lightning.acquisition import Entropy
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs
from tests.support.scored import LN2, Watched, batch_of


def test_entropy_takes_the_most_uncertain_and_needs_no_draw():
    rows = SelectionInputs(
        torch.tensor([1, 4, 6]), torch.zeros(3, dtype=torch.bool), torch.tensor([[[0.2], [0.9], [0.5]]])
    )
    selection = Entropy().select(rows, 2, generator("select", 0, 0))
    assert selection.indices == [4, 6]
    assert selection.scores == pytest.approx([0.9, 0.5])
    assert Entropy().select(rows, 2, generator("select", 7, 7)) == selection


def test_entropy_scores_an_image_by_the_mean_over_its_pixels():
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = Entropy().score(Watched(), batch_of(image))
    assert value.shape == (2, 1)
    assert value[:, 0].tolist() == pytest.approx([LN2, LN2 / 2], rel=1e-6)
