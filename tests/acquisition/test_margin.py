"""Margin: the images whose two most probable classes are closest."""

import pytest
import torch

from al_lightning.acquisition import Margin
from al_lightning.acquisition.functional import mean_margin
from tests.support.scored import Watched, batch_of


def test_margins_by_hand() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]]).log()
    assert mean_margin(logits).tolist() == pytest.approx([0.2, 0.7, 0.0], abs=1e-6)
    pixels = torch.stack([logits[:2].T, logits[1:].T])[:, :, None]  # two images of two pixels
    assert mean_margin(pixels).tolist() == pytest.approx([0.45, 0.35], abs=1e-6)
    assert mean_margin(torch.zeros(2, 1)).tolist() == [1, 1]  # one class: nothing to doubt


def test_the_smallest_margin_has_the_highest_score() -> None:
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = Margin().score(Watched(), batch_of(image))
    assert value.shape == (2, 1)
    assert value[:, 0].tolist() == pytest.approx([1.0, 0.5])
