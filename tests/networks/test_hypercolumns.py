"""A linear classifier on dense features: against one convolution of all maps, resized and concatenated."""

import pytest
import torch
import torch.nn.functional as F

from al_lightning.networks import HypercolumnClassifier
from al_lightning.networks.base import resize
from al_lightning.networks.dropout import dropouts, sampled
from al_lightning.networks.hypercolumns import own_channels
from al_lightning.tasks import Segmentation
from al_lightning.training import Supervised
from tests.support.networks import stir

MODELS = {
    "tf_efficientnet_lite0": (16, 24, 40, 112, 320),
    "mobilenetv2_100": (16, 24, 32, 96, 320),
    "resnet18": (64, 64, 128, 256, 512),
}


@torch.no_grad()
@pytest.mark.parametrize("model", MODELS)
def test_resized_logits_add_up_to_a_convolution_of_the_concatenated_maps(model):
    network = stir(HypercolumnClassifier(5, model, dropout=0.5)).eval()
    image = torch.randn(2, 3, 50, 72)
    features = network.encode(image)
    sides = [(25, 36), (25, 36), (13, 18), (7, 9), (4, 5), (2, 3)]
    channels = (9, *MODELS[model])
    assert [x.shape for x in features.maps] == [(2, count, *side) for count, side in zip(channels, sides, strict=True)]
    assert features.size == (50, 72)
    torch.testing.assert_close(features.embedding, features.maps[-1].mean(dim=(2, 3)))
    joined = torch.cat([resize(x, (50, 72)) for x in features.maps], dim=1)
    weight = torch.cat([classifier.weight for classifier in network.classifiers], dim=1)
    expected = F.conv2d(joined, weight, network.classifiers[0].bias)
    assert network(image).logits.shape == (2, 5, 50, 72)
    torch.testing.assert_close(network(image).logits, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network.decode(features).logits, expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_dropout_drops_channels_at_all_positions():
    network = HypercolumnClassifier(3, "resnet18", dropout=0.5).eval()
    features = network.encode(torch.randn(2, 3, 32, 32))
    assert len(dropouts(network)) == 6
    seen = []
    for number, classifier in enumerate(network.classifiers):
        classifier.register_forward_pre_hook(lambda _, inputs, number=number: seen.append((number, inputs[0])))
    with sampled(network, 3):
        network.decode(features)
    kept = []
    for number, x in seen:
        ratio = (x / features.maps[number]).nan_to_num(0)
        own = ratio.amax(dim=(0, 2, 3))  # 2 where the channel is kept, 0 where it is dropped
        assert set(own.round().tolist()) <= {0.0, 2.0}
        torch.testing.assert_close(x, features.maps[number] * own.round()[:, None, None])
        kept.append(own.round().tolist())
    assert 0 < sum(map(sum, kept)) / 2 < sum(map(len, kept))
    assert kept[1] != kept[2], "each map has masks of its own"


def test_the_images_own_channels_are_worked_out_position_by_position():
    image = torch.randn(1, 3, 9, 12)
    own = own_channels(image)
    assert own.shape == (1, 9, 5, 6)
    # The last row has one row of pixels below it, and means count no position outside of the image.
    half = torch.stack([
        torch.stack([image[0, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean(dim=(1, 2)) for x in range(6)], dim=1)
        for y in range(5)
    ], dim=1)  # fmt: skip
    torch.testing.assert_close(own[0, :3], half)
    for y, x in ((0, 0), (2, 3), (4, 5)):
        window = half[:, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        torch.testing.assert_close(own[0, 3:6, y, x], window.mean(dim=(1, 2)))
        torch.testing.assert_close(own[0, 6:, y, x], window.std(dim=(1, 2), correction=0), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_a_probe_sets_weights_of_all_maps_and_the_bias():
    network = HypercolumnClassifier(2, "resnet18").eval()
    features = network.encode(torch.randn(1, 3, 32, 32))
    weight, bias = torch.randn(2, 9 + sum(MODELS["resnet18"])), torch.tensor([1.0, -2.0])
    network.set_linear_head(weight, bias)
    joined = torch.cat([resize(x, (32, 32)) for x in features.maps], dim=1)
    expected = torch.einsum("cd,bdhw->bchw", weight, joined) + bias[:, None, None]
    torch.testing.assert_close(network.decode(features).logits, expected, rtol=1e-4, atol=1e-4)


def test_only_the_classifier_is_trained():
    network = HypercolumnClassifier(3, "resnet18").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = Supervised(network, Segmentation(3), 10, (0, 0, 0)).network_optimizer()
    network(torch.randn(2, 3, 32, 32)).logits.square().mean().backward()
    optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {name for name in before if name.startswith("classifiers.")}
    assert len(changed) == 7, "six maps and one bias"


@torch.no_grad()
def test_the_packaged_encoders_maps_are_its_own():
    network = HypercolumnClassifier(3, weights="package").eval()
    from al_lightning.networks import TimmClassifier

    classifier, image = TimmClassifier(3, weights="package").eval(), torch.randn(1, 3, 64, 64)
    blocks = []
    classifier.encoder.net.blocks.register_forward_hook(lambda _, inputs, out: blocks.append(out))
    classifier.encode(image)
    assert torch.equal(network.encode(image).maps[-1], blocks[0])
