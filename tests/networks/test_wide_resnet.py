"""WideResNet: its published size, shapes and depths."""

import pytest
import torch

from al_lightning.errors import UsageError
from al_lightning.networks import WideResNet
from tests.support.errors import raises
from tests.support.networks import size_of


@pytest.mark.parametrize(("classes", "parameters"), [(10, 1_467_610), (100, 1_479_220)])
def test_wide_resnet_28_2_has_the_published_size(classes, parameters):
    assert size_of(WideResNet(classes, 28, 2)) == parameters


@torch.no_grad()
def test_wide_resnet_shapes():
    network = WideResNet(10).eval()
    image = torch.randn(2, 3, 32, 32)
    features = network.encode(image)
    assert features.embedding.shape == (2, 128)
    assert [tuple(tap.shape) for tap in features.taps] == [(2, 32, 32, 32), (2, 64, 16, 16), (2, 128, 8, 8)]
    assert features.size == (32, 32)
    output = network.decode(features)
    assert output.logits.shape == (2, 10)
    assert output.predicted_loss is None
    assert torch.equal(output.logits, network(image).logits)


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (32, 32), (33, 21)])
def test_wide_resnet_takes_any_image_size(size):
    network = WideResNet(7, 10, 1).eval()
    assert network(torch.randn(3, 3, *size)).logits.shape == (3, 7)
    assert network.encode(torch.randn(3, 3, *size)).embedding.shape == (3, 64)


@pytest.mark.parametrize("depth", [4, 9, 27, 29])
def test_wide_resnet_names_a_wrong_depth(depth):
    with raises(UsageError, f"WideResNet depth {depth}", "6 n + 4"):
        WideResNet(10, depth)
