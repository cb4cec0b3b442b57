"""ResNet (He et al. 2016) for classification, from ImageNet weights: the study's transfer baseline."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.networks.dropout import MCDropout
from al_lightning.networks.loss_predictor import LossPredictor
from al_lightning.networks.weights import load_weights
from al_lightning.types import Features, NetworkOutput


class ResNetClassifier(Network):
    """torchvision's ResNet with a classifier of its own; 18 layers have 11,181,642 parameters at 10 classes.

    The embedding is the last stage, pooled: (B, 512), or (B, 2048) with 50 layers.

    Args:
        num_classes: number of classes.
        depth: 18 or 50.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none; never the classifier's.
        dropout: before the classifier; what BALD samples.
        loss_predictor: whether a loss predictor looks at the four stages.
    """

    predicts: ClassVar[Literal["image", "pixel"]] = "image"
    foldable: ClassVar[bool] = True

    def __init__(
        self,
        num_classes: int,
        depth: Literal[18, 50] = 18,
        weights: str | None = None,
        dropout: float = 0.0,
        loss_predictor: bool = False,
    ) -> None:
        super().__init__()
        if depth not in (18, 50):
            raise UsageError(f"ResNetClassifier depth {depth} is not supported; use 18 or 50.")
        net = torchvision.models.get_model(f"resnet{depth}", weights=None)
        load_weights(net, weights, f"resnet{depth}", ignore=("fc.",))
        stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.backbone = nn.ModuleList([stem, net.layer1, net.layer2, net.layer3, net.layer4])
        channels = [(1 if depth == 18 else 4) * width for width in (64, 128, 256, 512)]
        self.dropout = MCDropout(dropout)
        self.classifier = nn.Linear(channels[-1], num_classes)
        # Last, so that all else begins with the same weights as without it.
        self.loss_predictor = LossPredictor(channels) if loss_predictor else None

    def trunk(self) -> nn.Module:
        """Return everything but the classifier (and the loss predictor)."""
        return self.backbone

    def encode(self, image: Tensor) -> Features:
        """Return the pooled last stage as embedding, and the four stages as taps."""
        if self.training and len(image) == 1 and max(image.shape[-2:]) <= 32:
            raise UsageError(
                "ResNetClassifier trains on batches of at least 2 images a process where they are 32 pixels or less "
                "(BatchNorm over a map of one pixel)."
            )
        x = image
        stages = []
        for stage in self.backbone:
            x = stage(x)
            stages.append(x)
        embedding = torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)
        return Features((), embedding, tuple(stages[1:]), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), self.predicted_loss(features))
