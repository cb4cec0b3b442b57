"""ResNet for classification."""

import logging

import pytest
import torch
import torchvision

from al_lightning.errors import UsageError
from al_lightning.networks import ResNetClassifier
from al_lightning.networks.dropout import sampled
from tests.support.errors import raises
from tests.support.networks import size_of, stir


@pytest.mark.parametrize(
    ("depth", "published"),
    [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)],
)
def test_resnet_classifier_has_its_size(depth, published):
    # torchvision's published sizes, with a classifier of 10 classes for one of 1,000.
    with torch.device("meta"):
        network = ResNetClassifier(10, depth, loss_predictor=True)
    width = 512 if depth < 50 else 2048
    network.loss_predictor = None
    assert size_of(network) == published - 990 * (width + 1)
    assert size_of(network.trunk()) == published - 1000 * (width + 1)
    assert {id(p) for p in network.trunk().parameters()} == {
        id(p) for name, p in network.named_parameters() if not name.startswith("classifier.")
    }


@torch.no_grad()
def test_resnet_classifier_is_torchvisions_network_with_a_classifier_of_its_own(tmp_path, caplog):
    net, path = stir(torchvision.models.resnet18(weights=None)).eval(), tmp_path / "weights.pt"
    torch.save(net.state_dict(), path)
    with caplog.at_level(logging.INFO, logger="al_lightning"):
        network = ResNetClassifier(1000, weights=str(path)).eval()
    assert caplog.messages == [f"weights of resnet18 ({path})"]
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
    with raises(UsageError, "at least 2 images", "32 pixels"):
        network(torch.randn(1, 3, 32, 32))
    assert network(torch.randn(1, 3, 33, 32)).logits.shape == (1, 3)
    assert network(torch.randn(2, 3, 32, 32)).logits.shape == (2, 3)
    assert network.eval()(torch.randn(1, 3, 32, 32)).logits.shape == (1, 3)


def test_resnet_classifier_names_a_wrong_depth():
    with raises(UsageError, "depth 35", "18, 34, 50, 101 or 152"):
        ResNetClassifier(10, 35)
