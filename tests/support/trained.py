"""Small training methods and batches for them."""

import torch

from al_lightning.networks import UNet, WideResNet
from al_lightning.tasks import IGNORE, Classification, Segmentation
from al_lightning.training import S4GAN, UDA
from al_lightning.types import Batch

KEY = (0, 0, 0)


def batch_of(images, labels):
    return Batch(images, labels, torch.arange(len(images)))


def uda(**options):
    torch.manual_seed(0)
    return UDA(WideResNet(3, 10, 1), Classification(3), 10, KEY, **options)


def uda_batch(count=4, unlabelled=6):
    draw = torch.Generator().manual_seed(1)
    image = torch.randn(count + 2 * unlabelled, 3, 8, 8, generator=draw)
    nothing = torch.full((unlabelled,), IGNORE)
    parts = image.split([count, unlabelled, unlabelled])
    return {
        "labelled": batch_of(parts[0], torch.arange(count) % 3),
        "original": batch_of(parts[1], nothing),
        "augmented": batch_of(parts[2], nothing),
    }


def s4gan(**options):
    torch.manual_seed(0)
    return S4GAN(UNet(3, 4), Segmentation(3), 10, KEY, **options)


def s4gan_batch():
    draw = torch.Generator().manual_seed(1)
    images = torch.randn(2, 2, 3, 32, 32, generator=draw)
    labels = torch.randint(0, 3, (2, 32, 32), generator=draw, dtype=torch.uint8)
    labels[:, :3] = IGNORE
    return {"labelled": batch_of(images[0], labels), "unlabelled": batch_of(images[1], torch.zeros_like(labels))}
