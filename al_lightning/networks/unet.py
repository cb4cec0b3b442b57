"""A small U-Net (Ronneberger et al. 2015): for small images, and for many runs on little hardware."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import require
from al_lightning.networks.base import Network, full_size, resize
from al_lightning.networks.dropout import MCDropout
from al_lightning.networks.loss_predictor import LossPredictor
from al_lightning.types import Features, NetworkOutput


def _conv(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )


class UNet(Network):
    """Four stages down to stride 16, three up to stride 2, logits at the input's size.

    Stages have `width` x 1, 2, 3, 4 channels; going up, each map is joined by that of its size from the way down.
    The embedding is the pooled stride-16 map, (B, 4 x `width`).

    Args:
        num_classes: number of classes.
        width: channels of the first stage; 16 makes 0.19 million parameters at 10 classes.
        dropout: after each of the three stages up; what BALD samples.
        loss_predictor: whether a loss predictor looks at the last three stages down.
    """

    predicts: ClassVar[Literal["image", "pixel"]] = "pixel"
    foldable: ClassVar[bool] = True

    def __init__(self, num_classes: int, width: int = 16, dropout: float = 0.0, loss_predictor: bool = False) -> None:
        super().__init__()
        require("network.width", width, least=1, most=2048)
        one, two, three, four = (width * factor for factor in (1, 2, 3, 4))
        self.down = nn.ModuleList(
            [
                _conv(3, one, 2),
                nn.Sequential(_conv(one, two, 2), _conv(two, two)),
                nn.Sequential(_conv(two, three, 2), _conv(three, three)),
                nn.Sequential(_conv(three, four, 2), _conv(four, four)),
            ]
        )
        self.up = nn.ModuleList([_conv(four + three, three), _conv(three + two, two), _conv(two + one, one)])
        self.dropouts = nn.ModuleList(MCDropout(dropout) for _ in self.up)
        self.classifier = nn.Conv2d(one, num_classes, 1)
        # Last, so that all else begins with the same weights as without it.
        self.loss_predictor = LossPredictor((two, three, four)) if loss_predictor else None

    def encode(self, image: Tensor) -> Features:
        """Return the four stages as maps, and the last one pooled as embedding."""
        maps = []
        x = image
        for stage in self.down:
            x = stage(x)
            maps.append(x)
        embedding = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        return Features(tuple(maps), embedding, tuple(maps[1:]), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        *fine, x = features.maps
        for stage, dropout, same in zip(self.up, self.dropouts, reversed(fine), strict=True):
            x = dropout(stage(torch.cat([resize(x, (same.shape[-2], same.shape[-1])), same], dim=1)))
        return NetworkOutput(full_size(self.classifier(x), features.size), self.predicted_loss(features))
