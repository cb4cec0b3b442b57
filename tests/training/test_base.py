"""What every training method has: refusals of its construction, and warm-up."""

from functools import partial

import pytest
import torch

from al_lightning.errors import UsageError
from al_lightning.networks import ResNetClassifier, UNet, WideResNet
from al_lightning.tasks import Classification, Segmentation
from al_lightning.training import S4GAN, UDA, Cosine, Supervised
from tests.support.errors import raises
from tests.support.trained import KEY, s4gan, uda


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda: UDA(UNet(3, 4), Segmentation(3), 1, KEY), ["UDA", "class per image", "S4GAN, Supervised"]),
        (
            lambda: S4GAN(WideResNet(3, 10, 1), Classification(3), 1, KEY),
            ["S4GAN", "class per pixel", "Supervised, UDA"],
        ),
        (lambda: uda(temperature=0), ["training.temperature is 0"]),
        (lambda: uda(threshold=1.0), ["training.threshold is 1.0"]),
        (lambda: uda(ema=1.0), ["training.ema is 1.0"]),
        (lambda: uda(warm_up=-1), ["training.warm_up is -1", "at least 0"]),
        (lambda: uda(prediction_stop=1.5), ["training.prediction_stop is 1.5", "at most 1"]),
        (lambda: s4gan(gamma=1.5), ["training.gamma is 1.5"]),
        (lambda: s4gan(discriminator_lr=0), ["training.discriminator_lr is 0"]),
    ],
)
def test_construction_refuses_with_a_sentence(make, facts):
    with raises(UsageError, *facts):
        make()


def test_only_the_head_of_a_network_with_a_trunk_has_a_rate_of_its_own():
    def rates(network, task):
        module = Supervised(network, task, 1, KEY, optimizer=partial(torch.optim.SGD, lr=0.1), head_lr_factor=10)
        return [group["lr"] for group in module.network_optimizer().param_groups]

    assert rates(ResNetClassifier(3), Classification(3)) == pytest.approx([0.1, 1.0])
    assert rates(UNet(3, 4), Segmentation(3)) == [0.1]


def test_warm_up_rises_on_top_of_the_schedule():
    module = Supervised(WideResNet(3, 10, 1), Classification(3), 100, KEY, schedule=Cosine(), warm_up=4)
    assert [module.rate(step) for step in (0, 1, 3)] == pytest.approx([0.25, 0.5 * Cosine()(0.01), Cosine()(0.03)])
    assert Supervised(WideResNet(3, 10, 1), Classification(3), 100, KEY).rate(0) == 1
