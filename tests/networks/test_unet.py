"""U-Net: shapes, size, and that every part learns."""

import pytest
import torch

from al_lightning.errors import UsageError
from al_lightning.networks import UNet
from tests.support.errors import raises
from tests.support.networks import size_of


@pytest.mark.parametrize("size", [(64, 128), (45, 51)])
@torch.no_grad()
def test_unet_shapes(size):
    network = UNet(10).eval()
    image = torch.randn(2, 3, *size)
    features = network.encode(image)
    assert features.embedding.shape == (2, 64)
    assert [feature.shape[1] for feature in features.maps] == [16, 32, 48, 64]
    assert features.maps[-1].shape[-2:] == tuple(-(-side // 16) for side in size)
    assert network.decode(features).logits.shape == (2, 10, *size)
    assert torch.equal(network(image).logits, network.decode(features).logits)


def test_unet_has_its_size_and_every_part_learns():
    network = UNet(10)
    # 3x3 convolutions, two numbers of BatchNorm per channel, and the classifier.
    pairs = [(3, 16), (16, 32), (32, 32), (32, 48), (48, 48), (48, 64), (64, 64), (112, 48), (80, 32), (48, 16)]
    assert size_of(network) == sum(9 * a * b + 2 * b for a, b in pairs) + 16 * 10 + 10
    network(torch.randn(2, 3, 32, 32)).logits.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_unet_without_a_width_is_refused():
    with raises(UsageError, "network.width is 0"):
        UNet(10, 0)
