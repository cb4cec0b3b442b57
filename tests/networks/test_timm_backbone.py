"""Backbones of timm, and weights from a package. Nothing is downloaded."""

import logging

import pytest
import timm
import torch
import torch.nn.functional as F

from al_lightning.errors import UsageError
from al_lightning.networks import DeepLabV3Plus, Timm
from al_lightning.networks.packaged import PACKAGED, packaged_file, packaged_tensors
from tests.support.errors import raises
from tests.support.networks import size_of, stir


# timm
@torch.no_grad()
@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize(
    ("model", "channels"),
    [
        ("tf_efficientnet_lite0", (24, 40, 112, 320)),
        ("resnet18", (64, 128, 256, 512)),
        ("convnext_atto", (40, 80, 160, 320)),
    ],
)
def test_timm_maps(model, channels, output_stride):
    backbone = Timm(model, output_stride).eval()
    stages, fine, coarse = backbone(torch.randn(1, 3, 64, 96))
    strides = (4, 8, output_stride, output_stride)
    assert [stage.shape[1:] for stage in stages] == [
        (count, 64 // stride, 96 // stride) for count, stride in zip(channels, strides, strict=True)
    ]
    assert torch.equal(fine, stages[0])
    assert torch.equal(coarse, stages[-1])
    assert backbone.stage_channels == channels
    assert backbone.channels == (channels[0], channels[-1])
    assert backbone.output_stride == output_stride


def test_every_part_of_a_timm_network_learns():
    network = DeepLabV3Plus(3, Timm(), 8, 4, loss_predictor=True).train()
    output = network(torch.randn(2, 3, 33, 45))
    assert output.logits.shape == (2, 3, 33, 45)
    (output.logits.square().sum() + output.predicted_loss.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("model", ["resnet18", "convnext_atto"])
@pytest.mark.parametrize("classes", [1000, 7])
def test_timm_weights_load_from_a_path_and_the_head_is_left_aside(model, classes, tmp_path, caplog):
    path, whole = tmp_path / "weights.pt", stir(timm.create_model(model, num_classes=classes))
    torch.save({"state_dict": whole.state_dict()}, path)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        backbone = Timm(model, 16, str(path))
    expected = {name.replace(".", "_"): tensor for name, tensor in whole.state_dict().items()}
    loaded = backbone.net.state_dict()
    assert all(torch.equal(tensor, expected[name.replace(".", "_")]) for name, tensor in loaded.items())
    assert caplog.records[-1].getMessage() == f"weights of {model} ({path})"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda state: state.pop("layer1.0.bn1.bias"), "lack 'layer1.0.bn1.bias' (1 such)"),
        (lambda state: state.update(extra=torch.zeros(1)), "have unknown 'extra' (1 such)"),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(1)}),
            "have another shape for 'conv1.weight' (1 such)",
        ),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_timm_weights_that_do_not_fit_are_refused(change, problem, tmp_path):
    path, state = tmp_path / "weights.pt", timm.create_model("resnet18").state_dict()
    change(state)
    torch.save(state, path)
    with raises(UsageError, path, "resnet18", problem):
        Timm("resnet18", weights=str(path))


def test_timms_own_weights_are_asked_of_timm(monkeypatch):
    whole, create = stir(timm.create_model("resnet18")), timm.create_model

    def downloaded(model, pretrained=False, **options):
        return whole if pretrained else create(model, **options)

    monkeypatch.setattr(timm, "create_model", downloaded)
    loaded = Timm("resnet18", weights="imagenet").net.state_dict()
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in loaded.items())
    assert len(loaded) == len(whole.state_dict()) - 2


def test_weights_move_no_later_draw(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(timm.create_model("resnet18").state_dict(), path)
    draws = []
    for weights in (None, str(path)):
        torch.manual_seed(4)
        Timm("resnet18", weights=weights)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)


def test_a_failed_download_of_timms_says_what_to_do(monkeypatch):
    create = timm.create_model

    def offline(model, pretrained=False, **options):
        if pretrained:
            raise OSError("no route to host\nand more")
        return create(model, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with raises(UsageError, "resnet18", "no route to host"):
        Timm("resnet18", weights="imagenet")


@pytest.mark.parametrize(
    ("model", "facts"),
    [
        ("resnet_18", ["'resnet_18'", "'resnet18'"]),
        ("hf-hub:someone/something", ["no model 'hf-hub:someone/something'"]),
        ("vit_tiny_patch16_224", ["output stride 16", "unexpected keyword"]),
        ("vovnet39a", ["output stride 16", "AssertionError"]),
    ],
)
def test_timm_models_that_do_not_serve_are_refused(model, facts):
    with raises(UsageError, *facts):
        Timm(model)


def test_strides_that_differ_from_those_asked_for_are_refused(monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **options: create(*a, **{**options, "output_stride": 32}))
    with raises(UsageError, "resnet18", "[2, 4, 8, 16, 32]", 16):
        Timm("resnet18")


def test_timm_refuses_other_strides_and_packages():
    with raises(UsageError, "output_stride 32", "8 or 16"):
        Timm("resnet18", 32)
    for model in ("resnet18", "efficientnet_lite0"):
        with raises(UsageError, f"weights of {model}", "only of tf_efficientnet_lite0", "mobilenetv2_100"):
            Timm(model, weights="package")


# EfficientNet-Lite0 from a package


@pytest.fixture
def package():
    file = packaged_file(PACKAGED["tf_efficientnet_lite0"])
    state = torch.load(file, map_location="cpu", weights_only=True)
    # The file holds the classifier transposed in memory, and a product over it adds up in another order.
    return {name: tensor.contiguous() for name, tensor in state.items()}


def efficientnet_lite0(state, x):
    """Compute EfficientNet-Lite0 from the package's own names, with functions alone: TensorFlow's padding, no squeeze.

    Returns the last block's map, (B, 320, H / 32, W / 32), and logits.
    """

    def conv(name, x, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        size = weight.shape[-1]
        if stride == 1:
            return F.conv2d(x, weight, None, 1, size // 2, 1, groups)
        height, width = (max((-(-side // stride) - 1) * stride + size - side, 0) for side in x.shape[-2:])
        x = F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))
        return F.conv2d(x, weight, None, stride, 0, 1, groups)

    def norm(name, x):
        mean, var, weight, bias = (state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias, eps=1e-3)

    x = F.relu6(norm("_bn0", conv("_conv_stem", x, 2)))
    for number, stride in enumerate([1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]):
        name, out = f"_blocks.{number}", x
        if number > 0:
            out = F.relu6(norm(f"{name}._bn0", conv(f"{name}._expand_conv", out)))
        out = F.relu6(norm(f"{name}._bn1", conv(f"{name}._depthwise_conv", out, stride, out.shape[1])))
        out = norm(f"{name}._bn2", conv(f"{name}._project_conv", out))
        x = out + x if stride == 1 and out.shape == x.shape else out
    top = F.relu6(norm("_bn1", conv("_conv_head", x)))
    return x, F.linear(F.adaptive_avg_pool2d(top, 1).flatten(1), state["_fc.weight"], state["_fc.bias"])


def pixels(*size):
    return (torch.randint(0, 256, size).float() - 127) / 128


@torch.no_grad()
def test_the_packages_tensors_under_timms_names_give_the_same_logits(package):
    logits = {}
    image = pixels(2, 3, 64, 96)
    for model in ("tf_efficientnet_lite0", "efficientnet_lite0"):
        whole = timm.create_model(model).eval()
        renamed = dict(zip(whole.state_dict(), packaged_tensors("tf_efficientnet_lite0"), strict=True))
        assert sum(not name.endswith("num_batches_tracked") for name in renamed) == 247
        whole.load_state_dict(renamed)
        assert size_of(whole) == 4_652_008
        logits[model] = whole(image)
    _, expected = efficientnet_lite0(package, image)
    assert torch.equal(logits["tf_efficientnet_lite0"], expected)
    assert not torch.allclose(logits["efficientnet_lite0"], expected, atol=0.1), "the other variant is another network"


@torch.no_grad()
def test_the_packaged_backbone_contains_the_packages_own_map(package, caplog):
    image = pixels(1, 3, 64, 96)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        backbone = Timm(weights="package").eval()
    assert caplog.messages == ["weights of tf_efficientnet_lite0 (package); left aside: bn2, conv_head"]
    coarse = backbone(image)[2]
    own, _ = efficientnet_lite0(package, image)
    assert coarse.shape == (1, 320, 4, 6)
    # TensorFlow pads an even side at its end: every second place from the second on is the undilated network's.
    torch.testing.assert_close(coarse[..., 1::2, 1::2], own, rtol=1e-3, atol=1e-3)
