"""WiderResNet-38: the public checkpoint, and what it computes."""

import logging
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import DeepLabV3Plus, WiderResNet38, wider_resnet
from al_lightning.networks.dropout import dropouts, sampled
from tests.support.errors import raises
from tests.support.networks import shapes, size_of

# WiderResNet-38. What the study's notes say of the checkpoint, written down here a second time.

# Per module: blocks, channels of its convolutions as multiples of the first one's, dilation.
MODULES = {
    2: (3, (2, 2), 1),
    3: (3, (4, 4), 1),
    4: (6, (8, 8), 1),
    5: (3, (8, 16), 2),
    6: (1, (8, 16, 32), 4),
    7: (1, (16, 32, 64), 4),
}


def norm_names(prefix, channels):
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{prefix}.0.{part}", (channels,)
    yield f"{prefix}.0.num_batches_tracked", ()


def checkpoint_shapes(width, head=True):
    """Return the public checkpoint's names, without `module.`, and shapes."""
    found = {"mod1.conv1.weight": (width, 3, 3, 3)}
    before = width
    for module, (blocks, factors, _) in MODULES.items():
        for block in range(1, blocks + 1):
            name = f"mod{module}.block{block}"
            found.update(norm_names(f"{name}.bn1", before))
            sizes = (3, 3) if len(factors) == 2 else (1, 3, 1)
            inputs = before
            for number, (factor, size) in enumerate(zip(factors, sizes, strict=True), start=1):
                if number > 1:
                    found.update(norm_names(f"{name}.convs.bn{number}", inputs))
                found[f"{name}.convs.conv{number}.weight"] = (width * factor, inputs, size, size)
                inputs = width * factor
            if block == 1:
                found[f"{name}.proj_conv.weight"] = (inputs, before, 1, 1)
            before = inputs
    if head:
        found.update(norm_names("bn_out", before))
        found["classifier.fc.weight"], found["classifier.fc.bias"] = (1000, before), (1000,)
    return found


def synthetic(width):
    draw = torch.Generator().manual_seed(3)
    state = {}
    for name, shape in checkpoint_shapes(width).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith(("running_var", "0.weight")):
            state[name] = torch.rand(shape, generator=draw) + 0.5
        else:
            fan_in = math.prod(shape[1:]) if len(shape) > 1 else 25
            state[name] = torch.randn(shape, generator=draw) * (2 / fan_in) ** 0.5
    return state


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Write a checkpoint of the public format for a network of width 2, and return its path."""
    path = tmp_path_factory.mktemp("wrn38") / "wider_resnet38.pth.tar"
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in synthetic(2).items()}}, path)
    return path


@pytest.mark.parametrize(("classes", "parameters"), [(19, 137_103_936), (21, 137_104_448)])
def test_the_studys_network_has_its_size(classes, parameters):
    with torch.device("meta"):
        network = DeepLabV3Plus(num_classes=classes, backbone=WiderResNet38(), linear_projections=True)
    assert size_of(network) == parameters
    assert size_of(network.backbone) == 105_062_720
    assert [branch[0].dilation[0] for branch in network.aspp.branches] == [1, 12, 24, 36]


@pytest.mark.parametrize(
    ("size", "fine", "quarter", "coarse"),
    [((321, 321), (161, 161), (81, 81), (41, 41)), ((256, 512), (128, 256), (64, 128), (32, 64))],
)
def test_wider_resnet_output_sizes(size, fine, quarter, coarse):
    with torch.device("meta"):
        network = DeepLabV3Plus(19, WiderResNet38(), linear_projections=True).eval()
        seen = []
        network.backbone.mod3.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
        features = network.encode(torch.empty(1, 3, *size))
        logits = network.decode(features).logits
    assert features.maps[0].shape == (1, 48 + 256, *fine)
    assert seen == [(1, 256, *quarter)]
    assert [tap.shape for tap in features.taps] == [(1, channels, *coarse) for channels in (512, 1024, 2048, 4096)]
    assert network.backbone.stage_channels == (512, 1024, 2048, 4096)
    assert features.embedding.shape == (1, 256)
    assert logits.shape == (1, 19, *size)


def test_the_checkpoints_names_and_shapes_are_the_networks():
    assert len(checkpoint_shapes(64)) == 230
    with torch.device("meta"):
        backbone = WiderResNet38()
    assert shapes(backbone) == checkpoint_shapes(64, head=False)


def test_the_public_checkpoints_format_is_loaded_and_reported(checkpoint, caplog):
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        backbone = WiderResNet38(weights=str(checkpoint), width=2)
    expected = synthetic(2)
    loaded = backbone.state_dict()
    assert loaded.keys() == checkpoint_shapes(2, head=False).keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.items())
    assert [record.getMessage() for record in caplog.records] == [
        f"weights of WiderResNet38 ({checkpoint}); left aside: bn_out.0"
    ]


def test_a_checkpoint_of_another_width_is_refused(checkpoint):
    with raises(UsageError, checkpoint, "WiderResNet38", "another shape for 'mod1.conv1.weight'"):
        WiderResNet38(weights=str(checkpoint), width=1)


def reference(state, x):
    """Compute the network from a checkpoint with functions alone, in eval mode: (mod2's map, mod7's)."""

    def norm(name, x):
        mean, var, weight, bias = (state[f"{name}.0.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.relu(F.batch_norm(x, mean, var, weight, bias, eps=1e-5))

    def conv(name, x, stride=1, dilation=1):
        weight = state[f"{name}.weight"]
        dilation = dilation if weight.shape[-1] == 3 else 1
        return F.conv2d(x, weight, None, stride, dilation * (weight.shape[-1] // 2), dilation)

    x, fine = conv("mod1.conv1", x), None
    for module, (blocks, factors, dilation) in MODULES.items():
        if module in (2, 3):
            x = F.max_pool2d(x, 3, 2, 1)
        for block in range(1, blocks + 1):
            name, stride = f"mod{module}.block{block}", 2 if (module, block) == (4, 1) else 1
            out = norm(f"{name}.bn1", x)
            if block == 1:
                x = conv(f"{name}.proj_conv", out, stride)
            for number in range(1, len(factors) + 1):
                out = out if number == 1 else norm(f"{name}.convs.bn{number}", out)
                out = conv(f"{name}.convs.conv{number}", out, stride if number == 1 else 1, dilation)
            x = x + out
        fine = x if module == 2 else fine
    return fine, x


@torch.no_grad()
def test_wider_resnet_computes_what_the_notes_say(checkpoint):
    backbone, image = WiderResNet38(weights=str(checkpoint), width=2).eval(), torch.randn(2, 3, 65, 80)
    _, fine, coarse = backbone(image)
    expected_fine, expected_coarse = reference(synthetic(2), image)
    assert expected_coarse.shape == (2, 128, 9, 10)
    torch.testing.assert_close(fine, expected_fine)
    torch.testing.assert_close(coarse, expected_coarse, rtol=1e-4, atol=1e-4 * expected_coarse.abs().max().item())


def test_what_is_lost_without_weights_is_said_once(caplog):
    wider_resnet._log_random_start.cache_clear()
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        WiderResNet38(width=1)
        WiderResNet38(width=1)
    assert len(caplog.records) == 1
    assert "ImageNet weights" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [
        ({"weights": "imagenet"}, "wider_resnet38.pth.tar"),
        ({"weights": "nowhere.pth"}, "No weights at nowhere.pth"),
        ({"width": 0}, "backbone.width is 0"),
        ({"dropout6": 1.0}, "backbone.dropout6 is 1.0"),
        ({"dropout7": -0.1}, "backbone.dropout7 is -0.1"),
    ],
)
def test_wider_resnet_refuses(arguments, fact):
    with raises(UsageError, fact):
        WiderResNet38(**{"width": 1, **arguments})


def test_wider_resnet_drops_channels_before_the_last_convolution_of_two_modules():
    backbone = WiderResNet38(width=1)
    layers = {name: layer.p for name, layer in backbone.named_modules() if isinstance(layer, nn.Dropout2d)}
    assert layers == {"mod6.block1.convs.dropout": 0.3, "mod7.block1.convs.dropout": 0.5}
    assert [name for name, _ in backbone.mod6.block1.convs.named_children()] == [
        *("conv1", "bn2", "conv2", "bn3", "dropout", "conv3")
    ]
    given = WiderResNet38(width=1, dropout6=0.1, dropout7=0.2)
    assert [layer.p for layer in given.modules() if isinstance(layer, nn.Dropout2d)] == [0.1, 0.2]


@torch.no_grad()
def test_monte_carlo_passes_leave_the_backbones_own_dropout_alone():
    network = DeepLabV3Plus(3, WiderResNet38(width=1), 8, 4, linear_projections=True, dropout=0.5).eval()
    assert dropouts(network) == list(network.dropouts)
    image = torch.randn(2, 3, 32, 32)
    features = network.encode(image)
    plain = network.decode(features).logits
    with sampled(network, 5):
        assert torch.equal(network.encode(image).maps[0], features.maps[0])
        assert not torch.equal(network.decode(features).logits, plain)
    backbone = network.backbone.train()
    torch.manual_seed(1)
    first = backbone(image)[2]
    assert not torch.equal(backbone(image)[2], first)


def test_every_part_of_the_studys_network_learns():
    network = DeepLabV3Plus(3, WiderResNet38(width=1), 8, 4, linear_projections=True, loss_predictor=True).train()
    output = network(torch.randn(2, 3, 32, 32))
    (output.logits.square().sum() + output.predicted_loss.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
