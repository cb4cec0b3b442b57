"""Least confidence: the images whose most probable class is least probable."""

import pytest
import torch

from al_lightning.acquisition import LeastConfidence
from al_lightning.acquisition.functional import mean_least_confidence
from tests.support.scored import Watched, batch_of


def test_least_confidence_by_hand():
    logits = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]]).log()
    assert mean_least_confidence(logits).tolist() == pytest.approx([0.5, 0.2, 0.6], abs=1e-6)
    pixels = torch.stack([logits[:2].T, logits[1:].T])[:, :, None]  # two images of two pixels
    assert mean_least_confidence(pixels).tolist() == pytest.approx([0.35, 0.4], abs=1e-6)


def test_the_least_confident_has_the_highest_score():
    image = torch.zeros(2, 3, 4, 4)
    image[1, 0, :2] = 500.0
    value = LeastConfidence().score(Watched(), batch_of(image))
    assert value.shape == (2, 1)
    assert value[:, 0].tolist() == pytest.approx([0.5, 0.25])
