"""The loss predictor, by hand and beside each network."""

import pytest
import torch

from al_lightning.networks import (
    DeepLabV3Plus,
    LossPredictor,
    ResNet,
    ResNetClassifier,
    UNet,
    WideResNet,
    WiderResNet38,
)
from al_lightning.networks.base import predicted_classes


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


def test_of_equal_logits_the_first_class_is_predicted() -> None:
    logits = torch.tensor([[[[1.0, 2.0]], [[3.0, 2.0]], [[3.0, 0.0]]]])
    assert predicted_classes(logits).tolist() == [[[1, 0]]]
    assert predicted_classes(logits.half().contiguous(memory_format=torch.channels_last)).tolist() == [[[1, 0]]]
    assert predicted_classes(torch.tensor([[0.0, 1.0, 1.0]])).tolist() == [1]
