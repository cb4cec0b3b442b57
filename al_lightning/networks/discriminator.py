"""The discriminator of s4GAN, which tells labels from predicted class maps."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.networks.base import init_convolutions, pooled


class DiscriminatorOutput(NamedTuple):
    """Output of the discriminator.

    Attributes:
        feature: (B, 512), the vector that feature matching compares.
        logit: (B,), positive for labels.
    """

    feature: Tensor
    logit: Tensor


class Discriminator(nn.Module):
    """Four 4x4 convolutions with stride 2 and leaky ReLU, a global mean and a linear layer (Mittal et al. 2021).

    Channel dropout of 0.5 follows the first three convolutions; there is no normalisation. 2,776,513 parameters at 19
    classes.

    Args:
        num_classes: channels of the class maps; the image adds three.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        widths = [num_classes + 3, 64, 128, 256, 512]
        self.convs = nn.ModuleList(nn.Conv2d(before, after, 4, 2, 1) for before, after in pairwise(widths))
        self.classifier = nn.Linear(512, 1)
        init_convolutions(self)

    def forward(self, classes: Tensor, image: Tensor) -> DiscriminatorOutput:
        """Classify class maps, given their images, as labels or predictions.

        Args:
            classes: (B, C, H, W) probabilities, or one-hot labels.
            image: (B, 3, H, W), scaled to 0..1.
        """
        x = torch.cat([classes, image], dim=1)
        for number, conv in enumerate(self.convs):
            x = F.leaky_relu(conv(x), 0.2)
            if number < 3:
                x = F.dropout2d(x, 0.5, self.training)
        feature = pooled(x)
        return DiscriminatorOutput(feature, self.classifier(feature).squeeze(1))
