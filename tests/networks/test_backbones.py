"""Backbones: dilation, and weights from a path. Nothing is downloaded."""

import functools

import pytest
import torch
import torchvision
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import MobileNetV3, ResNet
from al_lightning.networks.backbones import dilate
from tests.support.errors import raises
from tests.support.networks import shapes

BACKBONES = {
    "resnet18": functools.partial(ResNet, 18),
    "resnet50": functools.partial(ResNet, 50),
    "mobilenet_v3_large": MobileNetV3,
}
STRIDES = [8, 16]


@pytest.mark.parametrize("make", [ResNet, MobileNetV3])
def test_other_output_strides_are_refused(make):
    with raises(UsageError, "output_stride 32", "8 or 16"):
        make(output_stride=32)


@functools.cache
def torchvision_net(model):
    """Return torchvision's net with random statistics, so that no normalisation is the identity."""
    torch.manual_seed(1)
    net = torchvision.models.get_model(model, weights=None).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net


@pytest.fixture
def weights(tmp_path):
    """Return a function that saves a model's torchvision weights, changed by the caller, and returns the path."""

    def write(model, change=lambda state: state):
        torch.save(change(dict(torchvision_net(model).state_dict())), path)
        return str(path)

    path = tmp_path / "weights.pt"
    yield write
    path.unlink()


@pytest.mark.parametrize("model", BACKBONES)
def test_dilation_keeps_torchvisions_names_and_shapes(model):
    net = torchvision.models.get_model(model, weights=None)
    before = shapes(net)
    dilate(net, 4)
    assert shapes(net) == before
    assert any(conv.dilation == (4, 4) for conv in net.modules() if isinstance(conv, nn.Conv2d))
    assert all(conv.stride == (1, 1) for conv in net.modules() if isinstance(conv, nn.Conv2d))


@torch.no_grad()
@pytest.mark.parametrize("output_stride", STRIDES)
@pytest.mark.parametrize("model", BACKBONES)
def test_the_dilated_map_contains_torchvisions_own(model, output_stride, weights, monkeypatch):
    # Dilation computes the same filters at more places: every (32 / output stride)-th place is torchvision's own.
    # Squeeze-and-excitation looks at all places at once and is switched off on both sides.
    monkeypatch.setattr(torchvision.ops.misc.SqueezeExcitation, "forward", lambda self, x: x)
    net, image = torchvision_net(model), torch.randn(1, 3, 64, 96)
    own = net.features(image) if model == "mobilenet_v3_large" else nn.Sequential(*list(net.children())[:-2])(image)
    _, _, coarse = BACKBONES[model](output_stride=output_stride, weights=weights(model)).eval()(image)
    every = 32 // output_stride
    assert coarse.shape[-2:] == (64 // output_stride, 96 // output_stride)
    assert own.shape[-2:] == (2, 3)
    torch.testing.assert_close(coarse[..., ::every, ::every], own, rtol=1e-3, atol=1e-4 * own.abs().max().item())


def backbone_values(backbone):
    return torch.cat([tensor.flatten().double() for tensor in backbone.state_dict().values()])


def headless(state):
    return {name: tensor for name, tensor in state.items() if not name.startswith(("fc.", "classifier."))}


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("resnet18", headless),
        ("mobilenet_v3_large", lambda state: state),
        ("mobilenet_v3_large", lambda state: {"state_dict": state, "epoch": 3}),
        ("mobilenet_v3_large", lambda state: {f"module.{name}": tensor for name, tensor in state.items()}),
        ("mobilenet_v3_large", lambda s: {"state_dict": {f"module.{name}": tensor for name, tensor in s.items()}}),
        ("mobilenet_v3_large", headless),
    ],
    ids=["resnet", "plain", "state_dict", "module.", "both", "headless"],
)
def test_weights_load_from_a_path(model, change, weights):
    backbone = BACKBONES[model](weights=weights(model, change))
    expected = headless(torchvision_net(model).state_dict()).values()
    assert torch.equal(backbone_values(backbone), torch.cat([tensor.flatten().double() for tensor in expected]))
