"""Networks with BatchNorm folded into convolutions compute what they computed before."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from al_lightning.acquisition import BALD
from al_lightning.engine import stages
from al_lightning.networks import (
    Backbone,
    DeepLabV3Plus,
    MobileNetV3,
    Network,
    ResNet,
    ResNetClassifier,
    Timm,
    UNet,
    WideResNet,
    WiderResNet38,
    folded,
)
from al_lightning.seeding import generator
from al_lightning.types import Batch, Features, NetworkOutput
from tests.support.methods import maps
from tests.support.networks import stir
from tests.support.runs import journal


def stirred(network):
    """Give every BatchNorm statistics and weights of its own, so that none is the identity; double precision."""
    torch.manual_seed(1)
    return stir(network).double().eval()


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def parts(network, image):
    features = network.encode(image)
    output = network.decode(features)
    return [features.embedding, *features.maps, *features.taps, output.logits, output.predicted_loss]


CASES = {  # a network, its BatchNorms that stay: those before a convolution, or after a sum
    "wrn": (partial(WideResNet, depth=16), 7),
    "wrn with loss predictor": (partial(WideResNet, depth=10, loss_predictor=True), 4),
    "resnet18": (ResNetClassifier, 0),
    "resnet50": (partial(ResNetClassifier, depth=50), 0),
    "u-net": (partial(UNet, width=4, loss_predictor=True), 0),
    "deeplab, resnet": (lambda classes: DeepLabV3Plus(classes, ResNet(18), channels=16, fine_channels=8), 0),
    "deeplab, mobilenet": (lambda classes: DeepLabV3Plus(classes, MobileNetV3(), channels=16, fine_channels=8), 0),
    "deeplab, wrn-38": (
        lambda classes: DeepLabV3Plus(
            classes, WiderResNet38(width=4), channels=16, fine_channels=8, linear_projections=True, dropout=0.2
        ),
        17,
    ),
    "deeplab, timm": (lambda classes: DeepLabV3Plus(classes, Timm("resnet18"), channels=16, fine_channels=8), None),
    "deeplab, timm's act": (lambda classes: DeepLabV3Plus(classes, Timm(), channels=16, fine_channels=8), None),
}


@torch.no_grad()
@pytest.mark.parametrize("case", CASES)
def test_a_folded_network_computes_the_same(case):
    make, left = CASES[case]
    network = stirred(make(5))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    copied = folded(network)
    assert copied is not network
    assert norms(copied) < norms(network)
    assert left is None or norms(copied) == left
    image = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    for plain, quick in zip(parts(network, image), parts(copied, image), strict=True):
        if plain is None:
            assert quick is None
        else:
            torch.testing.assert_close(quick, plain, rtol=1e-9, atol=1e-9)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    if "timm" not in case:  # whose models are not known well enough: it is shared
        places = [{tensor.data_ptr() for tensor in each.state_dict().values()} for each in (network, copied)]
        assert not places[0] & places[1]


def test_layout_and_type_of_weights_are_kept():
    network = UNet(5).to(torch.bfloat16, memory_format=torch.channels_last)
    weight = folded(network).down[1][0][0].weight
    assert weight.dtype == torch.bfloat16
    assert weight.is_contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def test_the_masks_of_sampled_passes_are_the_same():
    network = stirred(UNet(5, width=4, dropout=0.3))
    batch = Batch(torch.randn(2, 3, 32, 32, dtype=torch.float64), torch.full((2,), 255), torch.arange(2))
    scores = []
    for each in (network, folded(network)):
        strategy = BALD(3)
        strategy.prepare(each, generator("prepare", 0, 0))
        scores.append(strategy.score(each, batch))
    torch.testing.assert_close(*scores, rtol=1e-5, atol=1e-6)
    assert (scores[0] > 0).all()


class Odd(Network):
    """Two convolutions, each beside a BatchNorm; the first is read by more than its own."""

    predicts = "image"

    def __init__(self, classes=3):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, classes)

    def encode(self, image):
        raw = self.one[0](image)
        return Features((), (raw + self.one[1](raw)).mean((2, 3)), (), (image.shape[-2], image.shape[-1]))

    def decode(self, features):
        return NetworkOutput(self.head(features.embedding), None)


class Foldable(UNet):
    """A network of one's own that inherits."""


@torch.no_grad()
def test_what_cannot_be_known_is_not_folded():
    odd = stirred(Odd())
    assert folded(odd) is odd
    identity = nn.Identity()
    assert folded(identity) is identity
    watched = UNet(5, width=4).eval()
    watched.down[0][0].register_forward_hook(lambda module, args, output: output * 2)
    assert folded(watched) is watched
    assert norms(folded(Foldable(5, width=4))) == 0
    with torch.enable_grad():
        watched = UNet(5, width=4).eval()
        watched.kept = watched(torch.randn(1, 3, 32, 32)).logits
    assert folded(watched) is watched


class OddBackbone(Backbone):
    """A backbone of one's own, which says nothing of folding and looks between convolution and BatchNorm."""

    channels, stage_channels, output_stride = (4, 4), (4,), 16

    def __init__(self):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 4, 3, 16, 1), nn.BatchNorm2d(4))

    def forward(self, image):
        raw = self.one[0](image)
        out = raw + self.one[1](raw)
        return (out,), out, out


@torch.no_grad()
def test_a_backbone_answers_for_itself():
    network = stirred(DeepLabV3Plus(5, OddBackbone(), channels=8, fine_channels=4))
    copied = folded(network)
    assert norms(copied) == 1
    assert copied.backbone is network.backbone
    image = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(copied(image).logits, network(image).logits, rtol=1e-9, atol=1e-9)


class Norm(nn.BatchNorm2d):
    """Does more than its name says, as timm's do."""

    def forward(self, x):
        return super().forward(x).relu()


@torch.no_grad()
def test_only_torchs_own_layers_are_folded():
    network = stir(UNet(5, width=4))
    network.down[0][1] = Norm(4)
    network.up[0][1] = nn.BatchNorm2d(12, track_running_stats=False)
    network.up[1][1] = nn.BatchNorm2d(8, affine=False)
    network.up[1][1].running_mean.normal_()
    network = network.double().eval()
    copied = folded(network)
    assert norms(copied) == 2
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(copied(image).logits, network(image).logits, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("strategy", ["equal", "coreset"])
def test_a_run_scores_by_the_folded_network_and_keeps_its_own(al, here, masks, monkeypatch, strategy):
    folds, lines = [], []

    def spied(network):
        folds.append((network, folded(network)))
        return folds[-1][1]

    for name, replacement in (("folded", spied), ("plain", lambda network: network)):
        monkeypatch.setattr(stages, "folded", replacement)
        answer = al("fit", *maps(strategy, "supervised", masks), "--run_dir", name)
        assert answer.code == 0, answer.err
        lines.append(journal(here / name))
    assert len(folds) == 1
    assert all(norms(network) > norms(copied) for network, copied in folds)
    assert lines[0] == lines[1]
    rows = [np.load(here / name / "cycle_00" / "rows.npz")["value"] for name in ("folded", "plain")]
    np.testing.assert_allclose(*rows, rtol=1e-4, atol=1e-6)
