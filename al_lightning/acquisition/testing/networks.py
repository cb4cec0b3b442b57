"""The default networks of the conformance kit, of a few hundred parameters, with dropout and a loss predictor."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.networks.base import LossPredictor, Network, pooled, run_stages
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


class TinySegmenter(Network):
    """Two strided convolutions and a linear classifier per pixel.

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
        self.classifier: nn.Conv2d | nn.Linear = nn.Conv2d(12, num_classes, 1)
        self.loss_predictor = LossPredictor((6, 12), 8)
        with torch.no_grad():  # with the initial weights the scores of all images would be nearly equal
            self.classifier.weight.mul_(8)

    def encode(self, image: Tensor) -> Features:
        """Return the last stage as map, pooled as embedding, and both stages as taps."""
        taps = run_stages(image, self.stages)
        return Features(taps[-1:], pooled(taps[-1]), taps, (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        logits = self.classifier(self.dropout(features.maps[0]))
        return NetworkOutput(F.interpolate(logits, features.size), self.predicted_loss(features))


class TinyClassifier(TinySegmenter):
    """The same network for a class per image: the classifier reads the pooled map.

    Args:
        num_classes: number of classes.
    """

    predicts: ClassVar[Literal["image", "pixel"]] = "image"

    def __init__(self, num_classes: int = 4) -> None:
        super().__init__(num_classes)
        self.classifier = nn.Linear(12, num_classes)
        with torch.no_grad():
            self.classifier.weight.mul_(8)

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), self.predicted_loss(features))
