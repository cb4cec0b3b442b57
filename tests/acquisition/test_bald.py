"""BALD: passes with dropout, and their mutual information."""

import pytest
import torch
from torch import nn

from al_lightning.acquisition import BALD
from al_lightning.acquisition.testing import TinyClassifier, TinySegmenter
from al_lightning.errors import UsageError
from al_lightning.networks.dropout import MCDropout
from al_lightning.seeding import generator
from al_lightning.types import NetworkOutput
from tests.support.errors import raises
from tests.support.scored import Watched, batch_of


class Decoder(Watched):
    """Logits that dropout cuts: BALD's own layers, a dropout of another kind and BatchNorm."""

    def __init__(self, p=0.5):
        super().__init__()
        self.batch_norm = nn.BatchNorm2d(3)
        self.other = nn.Dropout(0.9)
        self.drop = nn.ModuleList([MCDropout(p), MCDropout(p)])

    def encode(self, image):
        return super().encode(self.other(self.batch_norm(image)))

    def decode(self, features):
        self.decoded += 1
        return NetworkOutput(self.drop[1](self.drop[0](features.maps[0])))


def prepared(strategy, network, seed=0):
    strategy.prepare(network, generator("prepare", seed, 0))
    return strategy


@pytest.mark.parametrize("passes", [2, 10])
def test_bald_encodes_once_and_decodes_each_pass(passes):
    network = Decoder().eval()
    value = prepared(BALD(passes), network).score(network, batch_of(torch.randn(4, 3, 5, 6)))
    assert value.shape == (4, 1)
    assert (len(network.shown), network.decoded) == (1, passes)


def test_bald_takes_ten_passes_unless_told_otherwise():
    strategy = prepared(BALD(), Decoder())
    assert len(strategy.keys) == len(set(strategy.keys)) == 10


def test_bald_is_the_mutual_information_of_its_passes():
    network, image = Decoder().eval(), 3 * torch.randn(2, 3, 4, 4)
    strategy = prepared(BALD(3), network)
    mean_probability, mean_entropy = 0, 0
    for key in strategy.keys:
        for number, layer in enumerate(network.drop):
            layer.key = 2 * key + number
        probability = network(image).logits.double().softmax(dim=1)
        mean_probability = mean_probability + probability / 3
        mean_entropy = mean_entropy - (probability * probability.log()).sum(dim=1) / 3
    for layer in network.drop:
        layer.key = None
    expected = (-(mean_probability * mean_probability.log()).sum(dim=1) - mean_entropy).mean(dim=(1, 2))
    value = strategy.score(network, batch_of(image))[:, 0]
    assert value.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert value.min() > 0.01


@pytest.mark.parametrize("kind", [TinyClassifier, TinySegmenter])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_bald_scores_an_image_alike_in_any_batch_and_any_order(kind, size):
    network, images = kind().eval(), torch.randn(8, 3, 16, 16)
    expected = prepared(BALD(), network).score(network, batch_of(images))
    order = torch.randperm(8)
    strategy = prepared(BALD(), network)  # as another process would have it
    found = torch.cat([strategy.score(network, batch_of(images[part])) for part in order.split(size)])
    assert found[:, 0].tolist() == pytest.approx(expected[order, 0].tolist(), abs=2e-6)
    assert len(set(expected[:, 0].tolist())) == 8


def test_bald_draws_other_masks_for_another_cycle_only():
    network, batch = Decoder().eval(), batch_of(torch.randn(2, 3, 4, 4))
    first, again, other = (prepared(BALD(), network, seed).score(network, batch) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bald_leaves_all_of_the_network_in_eval_mode_and_dropout_as_it_was():
    network, image = Decoder().eval(), torch.randn(4, 3, 5, 6)
    before, buffers = network(image).logits, [buffer.clone() for buffer in network.buffers()]
    prepared(BALD(), network).score(network, batch_of(image))
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(old, new) for old, new in zip(buffers, network.buffers(), strict=True))
    assert torch.equal(network(image).logits, before)


def test_bald_refuses_a_network_without_dropout():
    for network in (Watched(), Decoder(p=0.0)):
        with raises(UsageError, type(network).__name__, "--network.dropout 0.1"):
            BALD().check(network)
    BALD().check(Decoder())
