"""The discriminator of s4GAN: does a class map belong to its image as a label would?"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Judgement(NamedTuple):
    """What the discriminator says.

    Attributes:
        feature: (B, 512), what feature matching compares.
        logit: (B,), positive for real.
    """

    feature: Tensor
    logit: Tensor


class Discriminator(nn.Module):
    """Four 4x4 convolutions at stride 2, leaky ReLU after each, channel dropout after the first three, a global mean, a
    linear layer (Mittal et al. 2021); no normalisation. 2,776,513 parameters at 19 classes.

    Args:
        num_classes: channels of the class maps; three of the image are joined to them.
        dropout: probability of a channel to be dropped.
    """  # noqa: D205 - one sentence

    def __init__(self, num_classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        widths = [num_classes + 3, 64, 128, 256, 512]
        self.convs = nn.ModuleList(nn.Conv2d(before, after, 4, 2, 1) for before, after in pairwise(widths))
        self.dropout = dropout
        self.classifier = nn.Linear(512, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, classes: Tensor, image: Tensor) -> Judgement:
        """Judge class maps and their images.

        Args:
            classes: (B, C, H, W) probabilities, or one-hot labels.
            image: (B, 3, H, W), scaled to 0..1.
        """
        x = torch.cat([classes, image], dim=1)
        for number, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), 0.2)
            if number < 3:
                x = F.dropout2d(x, self.dropout, self.training)
        feature = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        return Judgement(feature, self.classifier(feature).squeeze(1))
