"""DeepLabV3+: maps, embedding and logits, and its options."""

import functools

import pytest
import torch
import torch.nn.functional as F

from al_lightning.errors import UsageError
from al_lightning.networks import DeepLabV3Plus, MobileNetV3, ResNet, WideResNet, WiderResNet38
from al_lightning.networks.dropout import sampled
from tests.support.errors import raises

BACKBONES = {
    "resnet18": functools.partial(ResNet, 18),
    "resnet50": functools.partial(ResNet, 50),
    "mobilenet_v3_large": MobileNetV3,
}
STRIDES = [8, 16]


@functools.cache
def deeplab(model, output_stride):
    torch.manual_seed(0)
    return DeepLabV3Plus(5, BACKBONES[model](output_stride=output_stride), channels=16, fine_channels=8).eval()


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


def test_a_training_batch_of_one_is_refused_in_a_sentence_and_one_of_two_trains():
    network = DeepLabV3Plus(3, ResNet(18), channels=16, fine_channels=8).train()
    with raises(UsageError, "DeepLabV3Plus", "at least 2 images"):
        network(torch.randn(1, 3, 32, 32))
    network(torch.randn(2, 3, 32, 32)).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.eval()(torch.randn(1, 3, 32, 32)).logits.shape == (1, 3, 32, 32)


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
    with raises(UsageError, "network.embedding_grid is 0", "at least 1"):
        DeepLabV3Plus(3, ResNet(18), embedding_grid=0)
