"""A small U-Net (Ronneberger et al. 2015), for small images and for many runs on little hardware."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from al_lightning.errors import require
from al_lightning.networks.base import LossPredictor, Network, conv_bn_relu, full_size, pooled, resize, run_stages
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


class UNet(Network):
    """Four stages down to stride 16, three stages up to stride 2, logits at the input's size.

    The stages down have `width` x 1, 2, 3, 4 channels. Each stage up joins its input with the map of the same size from
    the way down. The embedding is the pooled stride-16 map, (B, 4 x `width`).

    Args:
        num_classes: number of classes.
        width: channels of the first stage; 16 makes 0.19 million parameters at 10 classes.
        dropout: probability after each of the three stages up; BALD samples it.
        loss_predictor: whether a loss predictor reads the last three stages down.
    """

    predicts = "pixel"
    foldable = True

    def __init__(self, num_classes: int, width: int = 16, dropout: float = 0.0, loss_predictor: bool = False) -> None:
        super().__init__()
        require("network.width", width, least=1, most=2048)
        widths = [width * factor for factor in (1, 2, 3, 4)]
        self.down = nn.ModuleList([conv_bn_relu(3, width, stride=2)])
        for before, after in itertools.pairwise(widths):
            self.down.append(nn.Sequential(conv_bn_relu(before, after, stride=2), conv_bn_relu(after, after)))
        self.up = nn.ModuleList(conv_bn_relu(below + same, same) for below, same in itertools.pairwise(widths[::-1]))
        self.dropouts = nn.ModuleList(MCDropout(dropout) for _ in self.up)
        self.classifier = nn.Conv2d(width, num_classes, 1)
        self.loss_predictor = LossPredictor(widths[1:]) if loss_predictor else None

    def encode(self, image: Tensor) -> Features:
        """Return the four stages as maps, and the last stage pooled as embedding."""
        maps = run_stages(image, self.down)
        embedding = pooled(maps[-1])
        return Features(maps, embedding, maps[1:], (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        *fine, x = features.maps
        for stage, dropout, same in zip(self.up, self.dropouts, reversed(fine), strict=True):
            x = dropout(stage(torch.cat([resize(x, (same.shape[-2], same.shape[-1])), same], dim=1)))
        return NetworkOutput(full_size(self.classifier(x), features.size), self.predicted_loss(features))
