"""timm's models for classification. Nothing is downloaded."""

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from al_lightning.errors import UsageError
from al_lightning.networks import TimmClassifier
from al_lightning.networks.dropout import sampled
from al_lightning.tasks import Classification
from al_lightning.training import Supervised
from tests.support.errors import raises
from tests.support.networks import stir


@torch.no_grad()
@pytest.mark.parametrize(
    ("model", "features"),
    [
        ("tf_efficientnet_lite0", 1280),
        ("test_resnet", 96),
        ("mobilenetv3_small_050", 1024),
        ("vit_tiny_patch16_224", 192),
    ],
)
def test_it_is_timms_model_with_a_classifier_of_its_own(model, features, tmp_path):
    whole = stir(timm.create_model(model, num_classes=6)).eval()
    state = {f"module.{name}": tensor for name, tensor in whole.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "weights.pt")
    network = TimmClassifier(6, model, str(tmp_path / "weights.pt"), image_size=224).eval()
    image = torch.randn(2, 3, 224, 224)
    encoded = network.encode(image)
    assert (encoded.maps, encoded.taps, encoded.size) == ((), (), (224, 224))
    assert encoded.embedding.shape == (2, features)
    assert not torch.equal(network.classifier.weight, whole.get_classifier().weight)
    network.classifier.load_state_dict(whole.get_classifier().state_dict())
    assert torch.equal(network(image).logits, whole(image))
    assert torch.equal(network.decode(encoded).logits, whole(image))
    small = torch.randn(2, 3, 40, 56)
    assert network.encode(small).size == (40, 56)
    resized = F.interpolate(small, (224, 224), mode="bilinear", antialias=True)
    assert torch.equal(network(small).logits, whole(resized))


@torch.no_grad()
def test_dropout_is_before_the_classifier_and_the_embedding_has_none():
    network, image = TimmClassifier(5, "resnet18", dropout=0.5).eval(), torch.randn(2, 3, 32, 32)
    features = network.encode(image)
    plain = network.decode(features).logits
    with sampled(network, 1):
        assert torch.equal(network.encode(image).embedding, features.embedding)
        assert not torch.allclose(network.decode(features).logits, plain)
    assert torch.equal(network.decode(features).logits, plain)


@torch.no_grad()
def test_a_loss_predictor_reads_the_intermediate_maps():
    plain, network = (TimmClassifier(5, "resnet18", loss_predictor=taps).eval() for taps in (False, True))
    network.encoder.load_state_dict(plain.encoder.state_dict())
    features = network.encode(torch.ones(2, 3, 64, 64))
    assert [tap.shape[1:] for tap in features.taps] == [
        (64, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)
    ]  # fmt: skip
    assert torch.equal(features.embedding, plain.encode(torch.ones(2, 3, 64, 64)).embedding)
    assert network.decode(features).predicted_loss.shape == (2,)


def step(network):
    """Take a step of SGD in training mode; return which tensors it changed."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    module = Supervised(network, Classification(3), 10, (0, 0, 0))
    network.train()
    optimizer = module.network_optimizer()
    network(torch.randn(4, 3, 64, 64)).logits.square().sum().backward()
    optimizer.step()
    return {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}


def test_a_frozen_trunk_keeps_weights_and_statistics():
    frozen, free = (TimmClassifier(3, "tf_efficientnet_lite0", freeze=freeze) for freeze in ("trunk", "none"))
    assert step(frozen) == {"classifier.weight", "classifier.bias"}
    assert step(free) == set(free.state_dict())
    assert frozen.training
    assert not any(module.training for module in frozen.trunk().modules())
    assert all(module.training for module in free.trunk().modules() if isinstance(module, nn.BatchNorm2d))


def test_a_network_of_which_nothing_is_trained_is_refused_by_methods_that_train():
    network = TimmClassifier(3, "resnet18", freeze="all")
    assert not any(parameter.requires_grad for parameter in network.parameters())
    with raises(UsageError, "TimmClassifier", "frozen", "--network.freeze trunk"):
        Supervised(network, Classification(3), 10, (0, 0, 0))


def test_images_of_another_size_than_a_vision_transformers_are_refused():
    network = TimmClassifier(3, "vit_tiny_patch16_224").eval()
    with raises(UsageError, "vit_tiny_patch16_224", "224 x 224", "32 x 48", "--data.size '[224, 224]'"):
        network(torch.randn(1, 3, 32, 48))


def test_wrong_models_and_options_are_refused():
    with raises(UsageError, "'resnet_18'", "'resnet18'"):
        TimmClassifier(3, "resnet_18")
    with raises(UsageError, "network.image_size", 0):
        TimmClassifier(3, "resnet18", image_size=0)
    with raises(UsageError, "weights of resnet18", "tf_efficientnet_lite0"):
        TimmClassifier(3, "resnet18", "package")


@pytest.mark.parametrize("loss_predictor", [False, True])
def test_one_small_image_a_batch_is_refused_in_training_alone(loss_predictor):
    network = TimmClassifier(3, "resnet18", loss_predictor=loss_predictor)
    with raises(UsageError, "resnet18", "at least 2 images", "32 x 32"):
        network(torch.randn(1, 3, 32, 32))
    assert network(torch.randn(2, 3, 32, 32)).logits.shape == (2, 3)
    assert network(torch.randn(1, 3, 64, 64)).logits.shape == (1, 3)
    assert network.eval()(torch.randn(1, 3, 32, 32)).logits.shape == (1, 3)
