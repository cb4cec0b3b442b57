"""Networks: sizes, shapes, dilation, weights. Nothing is downloaded."""

import functools
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import DeepLabV3Plus, MobileNetV3, ResNet, UNet, WideResNet
from al_lightning.networks.backbones import dilate
from al_lightning.networks.weights import load_weights

BACKBONES = {
    "resnet18": functools.partial(ResNet, 18),
    "resnet50": functools.partial(ResNet, 50),
    "mobilenet_v3_large": MobileNetV3,
}
STRIDES = [8, 16]


@pytest.fixture(autouse=True)
def _seed_and_one_thread():
    # On images this small, threads only wait for each other: beside other jobs one is 30 times faster than two.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@functools.cache
def deeplab(model, output_stride):
    torch.manual_seed(0)
    return DeepLabV3Plus(5, BACKBONES[model](output_stride=output_stride), channels=16, fine_channels=8).eval()


def size_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


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
    with pytest.raises(
        UsageError, match=rf"^WideResNet depth {depth} is not 6 n \+ 4 \(10, 16, 22, 28, 40 \.\.\.\)\.$"
    ):
        WideResNet(10, depth)


def test_all_of_a_wide_resnet_is_trained_at_one_rate():
    assert WideResNet(10, 10, 1).trunk() is None
    network = deeplab("resnet18", 16)
    assert network.trunk() is network.backbone


@torch.no_grad()
@pytest.mark.parametrize("output_stride", STRIDES)
@pytest.mark.parametrize("model", BACKBONES)
@pytest.mark.parametrize("size", [(64, 64), (45, 61)])
def test_deeplab_maps_embedding_and_logits(model, output_stride, size):
    network = deeplab(model, output_stride)
    image = torch.randn(2, 3, *size)
    features = network.encode(image)
    joined = features.maps[0]
    fine = tuple(-(-side // 4) for side in size)
    assert joined.shape[0] == 2
    assert joined.shape[2:] == fine
    assert features.embedding.shape == (2, 16)
    coarse = features.taps[-1].shape[2:]
    assert coarse == tuple(-(-side // output_stride) for side in size)
    # ASPP's output, as the last of the joined channels, is the embedding's map made as large as the fine one.
    aspp = network.aspp(network.backbone(image)[2])
    assert aspp.shape == (2, 16, *coarse)
    torch.testing.assert_close(joined[:, -16:], F.interpolate(aspp, fine, mode="bilinear", align_corners=False))
    torch.testing.assert_close(features.embedding, aspp.mean(dim=(2, 3)))
    assert features.size == size
    assert len(features.taps) == 4
    logits = network.decode(features).logits
    assert logits.shape == (2, 5, *size)
    assert logits.dtype == torch.float32


@torch.no_grad()
@pytest.mark.parametrize("model", BACKBONES)
def test_decode_of_encode_is_forward(model):
    network, image = deeplab(model, 16), torch.randn(2, 3, 40, 48)
    assert torch.equal(network.decode(network.encode(image)).logits, network(image).logits)


@pytest.mark.parametrize(("output_stride", "rates"), [(16, [6, 12, 18]), (8, [12, 24, 36])])
def test_aspp_rates_follow_the_output_stride(output_stride, rates):
    branches = deeplab("resnet18", output_stride).aspp.branches
    convolutions = [branch[0] for branch in branches]
    assert [conv.kernel_size for conv in convolutions] == [(1, 1), (3, 3), (3, 3), (3, 3)]
    assert [conv.dilation for conv in convolutions[1:]] == [(rate, rate) for rate in rates]
    assert [conv.padding for conv in convolutions[1:]] == [(rate, rate) for rate in rates]


@pytest.mark.parametrize("make", [ResNet, MobileNetV3])
def test_other_output_strides_are_refused(make):
    with pytest.raises(UsageError, match=r"^output_stride 32 is not supported; use 8 or 16\.$"):
        make(output_stride=32)


def test_a_training_batch_of_one_is_refused_in_a_sentence_and_one_of_two_trains():
    network = DeepLabV3Plus(3, ResNet(18), channels=16, fine_channels=8).train()
    with pytest.raises(UsageError, match="DeepLabV3Plus trains on batches of at least 2 images a process"):
        network(torch.randn(1, 3, 32, 32))
    network(torch.randn(2, 3, 32, 32)).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.eval()(torch.randn(1, 3, 32, 32)).logits.shape == (1, 3, 32, 32)


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


def shapes(net):
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


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


@torch.no_grad()
@pytest.mark.parametrize("model", ["resnet18", "mobilenet_v3_large"])
def test_channels_last_gives_the_same_logits(model):
    network, image = deeplab(model, 16), torch.randn(2, 3, 48, 64)
    expected = network(image).logits
    try:
        network.to(memory_format=torch.channels_last)
        logits = network(image.to(memory_format=torch.channels_last)).logits
    finally:
        network.to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("model", ["resnet18", "mobilenet_v3_large", "wide_resnet"])
def test_bfloat16_autocast_works_and_stays_close(model):
    network = WideResNet(5, 10, 1).eval() if model == "wide_resnet" else deeplab(model, 8)
    image = torch.randn(2, 3, 32, 48)
    expected = network(image).logits
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image).logits
    assert logits.shape == expected.shape
    assert (logits.float() - expected).abs().max() < 0.05 * expected.abs().max() + 0.05


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


def test_no_weights_leave_the_initialisation():
    net = nn.Linear(2, 2)
    before = net.weight.clone()
    load_weights(net, None, "linear")
    assert torch.equal(net.weight, before)


def test_missing_weights_are_named():
    with pytest.raises(UsageError) as caught:
        ResNet(18, weights="nowhere/resnet18.pt")
    assert str(caught.value) == (
        f"No weights at {Path('nowhere/resnet18.pt')}; give `imagenet`, the path of a state dict, or null."
    )


def small_net():
    return nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda state: state.pop("1.bias"), "lack '1.bias' (1 such)"),
        (lambda state: [state.pop("1.bias"), state.pop("0.weight")], "lack '0.weight' (2 such)"),
        (lambda state: state.update(extra=torch.zeros(1)), "have unknown 'extra' (1 such)"),
        (
            lambda state: state.update({"0.weight": torch.zeros(4, 3, 3, 3)}),
            "have another shape for '0.weight' (1 such)",
        ),
    ],
    ids=["missing", "two missing", "unknown", "shape"],
)
def test_weights_that_do_not_fit_are_refused_whole(change, problem, tmp_path):
    path, net, state = tmp_path / "weights.pt", small_net(), small_net().state_dict()
    change(state)
    torch.save(state, path)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(UsageError) as caught:
        load_weights(net, str(path), "small", ignore=("2.",))
    assert str(caught.value) == f"Weights {path} do not fit small: they {problem}."
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_ignored_names_need_not_be_there_and_are_left_alone(tmp_path):
    path, net, other = tmp_path / "weights.pt", small_net(), small_net()
    head = net[2].weight.clone()
    state = other.state_dict()
    state["2.weight"], state["2.extra"] = torch.zeros(7, 7), torch.zeros(1)
    torch.save(state, path)
    load_weights(net, str(path), "small", ignore=("2.",))
    assert torch.equal(net[0].weight, other[0].weight)
    assert torch.equal(net[2].weight, head)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(UsageError, match=r"do not fit resnet18: they lack 'bn1\.bias' \(120 such\)"):
        ResNet(18, weights=str(path))


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), {"epoch": 3}, {"state_dict": 7}, [torch.zeros(1)], {0: torch.zeros(1)}],
    ids=["tensor", "numbers", "number", "list", "numbered"],
)
def test_files_without_a_state_dict_are_refused(content, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(UsageError, match="is not a state dict: names with tensors were expected"):
        ResNet(18, weights=str(path))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(UsageError, match=r"weights\.pt holds no plain weights"):
        ResNet(18, weights=str(path))


def test_a_failed_download_says_what_to_do(monkeypatch):
    class Offline:
        class DEFAULT:
            @staticmethod
            def get_state_dict():
                raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda model: Offline)
    with pytest.raises(UsageError, match=r"ImageNet weights of resnet18 could not be downloaded \(no route to host\)"):
        ResNet(18, weights="imagenet")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_an_evil_pickle_is_not_executed(tmp_path):
    path, folder = tmp_path / "weights.pt", tmp_path / "owned"
    torch.save({"state_dict": Evil(str(folder))}, path)
    with pytest.raises(UsageError, match="holds no plain weights"):
        ResNet(18, weights=str(path))
    assert not folder.exists()
    torch.load(path, weights_only=False)
    assert folder.exists(), "the pickle is not evil, so the test proves nothing"


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
    with pytest.raises(UsageError, match=r"network\.width is 0"):
        UNet(10, 0)
