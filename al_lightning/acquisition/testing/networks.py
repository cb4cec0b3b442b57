"""The networks that strategies are tried on: all that a strategy may look at, in a few hundred parameters."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.networks.base import LossPredictor, Network
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


class TinySegmenter(Network):
    """Two strided convolutions and a linear classifier, with dropout to sample and a loss predictor.

    Args:
        num_classes: number of classes.
    """

    predicts: ClassVar[Literal["image", "pixel"]] = "pixel"

    def __init__(self, num_classes: int = 4) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width_in, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
            for width_in, width in ((3, 6), (6, 12))
        )
        self.dropout = MCDropout(0.3)
        self.classifier = nn.Conv2d(12, num_classes, 1)
        self.loss_predictor = LossPredictor((6, 12), 8)
        with torch.no_grad():  # random weights are unsure of everything; these tell images apart
            self.classifier.weight.mul_(8)

    def encode(self, image: Tensor) -> Features:
        """Return the last stage as map, pooled as embedding, and both stages as taps."""
        taps = []
        x = image
        for stage in self.stages:
            x = stage(x)
            taps.append(x)
        return Features((x,), x.mean(dim=(2, 3)), tuple(taps), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        logits = self.classifier(self.dropout(features.maps[0]))
        return NetworkOutput(F.interpolate(logits, features.size), self.predicted_loss(features))


class TinyClassifier(TinySegmenter):
    """The same for a class per image: the classifier sees the pooled map."""

    predicts: ClassVar[Literal["image", "pixel"]] = "image"

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        logits = self.classifier(self.dropout(features.embedding[:, :, None, None]))
        return NetworkOutput(logits.flatten(1), self.predicted_loss(features))
