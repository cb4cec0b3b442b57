"""A process that scores a pool of large images and prints its peak resident memory above the network's, in bytes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.acquisition import Entropy
from al_lightning.networks.base import Network
from al_lightning.types import Features, NetworkOutput

from .rigs import experiment, new_fit, resident, score


class Coarse(Network):
    """One strided convolution; its logits are of the image's size, as any network's.

    Args:
        num_classes: number of classes.
    """

    predicts = "pixel"

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, num_classes, 16, 16)

    def encode(self, image: Tensor) -> Features:
        return Features((self.conv(image),), image.mean(dim=(2, 3)), (), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        return NetworkOutput(F.interpolate(features.maps[0], size=features.size))


def main(count: int) -> None:
    """Score `count` images."""
    with tempfile.TemporaryDirectory() as folder:
        data = {"size": [512, 1024], "count": count + 100, "classes": 2, "eval_batch_size": 4, "workers": 0}
        network = {"class_path": "benchmarks.scoring_memory.Coarse"}
        fit = new_fit(experiment(Path(folder), torch.device("cpu"), network, data=data, pixel=True))
        before = resident("VmRSS")
        score(fit, Entropy())
        print(resident("VmHWM") - before)


if __name__ == "__main__":
    main(int(sys.argv[1]))
