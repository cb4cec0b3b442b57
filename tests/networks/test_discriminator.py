"""The discriminator of S4GAN: its published size, and its dropout."""

import pytest
import torch

from al_lightning.networks.discriminator import Discriminator


@pytest.mark.parametrize(("classes", "parameters"), [(19, 2_776_513), (21, 2_778_561)])
def test_discriminator_has_the_published_size_and_one_answer_per_image(classes, parameters):
    discriminator = Discriminator(classes)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == parameters
    judged = discriminator.eval()(torch.rand(2, classes, 64, 128), torch.rand(2, 3, 64, 128))
    assert judged.feature.shape == (2, 512)
    assert judged.logit.shape == (2,)


def test_discriminator_drops_whole_channels_and_only_in_training():
    discriminator = Discriminator(2)
    inputs = torch.rand(1, 2, 32, 32), torch.rand(1, 3, 32, 32)
    assert not torch.equal(discriminator(*inputs).feature, discriminator(*inputs).feature)
    discriminator.eval()
    assert torch.equal(discriminator(*inputs).feature, discriminator(*inputs).feature)
