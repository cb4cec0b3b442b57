"""EquAL: the entropies of image and mirror image."""

import pytest
import torch

from al_lightning.acquisition import EquAL
from al_lightning.acquisition.testing import TinyClassifier
from al_lightning.types import NetworkOutput
from tests.support.scored import LN2, Watched, batch_of


class LeftEye(Watched):
    """Sure of class 0 where the image's leftmost column says so; unsure of the rest."""

    def decode(self, features):
        logits = torch.zeros(len(features.maps[0]), 2, 2, 2)
        logits[:, 0] = features.maps[0][:, 0, :, :1]
        return NetworkOutput(logits)


def test_equal_adds_the_entropies_of_image_and_mirror_image():
    image = torch.zeros(3, 3, 2, 2)
    image[1, 0, :, 0] = 500.0  # sure as it is, unsure when mirrored
    image[2] = 500.0
    network = LeftEye()
    value = EquAL().score(network, batch_of(image))
    assert value.shape == (3, 1)
    assert value[:, 0].tolist() == pytest.approx([2 * LN2, LN2, 0], abs=1e-6)
    assert len(network.shown) == 2
    assert torch.equal(torch.cat(network.shown), torch.cat([image, image.flip(3)]))


def test_equal_of_class_logits_adds_two_entropies():
    network, image = TinyClassifier().eval(), torch.randn(2, 3, 8, 8)
    expected = sum(
        torch.distributions.Categorical(logits=network(view).logits).entropy() for view in (image, image.flip(3))
    )
    assert EquAL().score(network, batch_of(image))[:, 0].tolist() == pytest.approx(expected.tolist(), rel=1e-5)
