"""Wide residual networks (Zagoruyko and Komodakis 2016), in the form that UDA uses for CIFAR."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import UsageError, require
from al_lightning.networks.base import LossPredictor, Network, init_convolutions, pooled, run_stages
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


class _Block(nn.Module):
    """Pre-activation residual block: BN-ReLU-conv3x3 twice; a 1x1 projection of the raw input if channels differ."""

    folds: ClassVar[tuple[tuple[str, str], ...]] = (("conv1", "bn2"),)

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.projection = nn.Conv2d(channels_in, channels, 1, stride, bias=False) if channels_in != channels else None

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv1(F.relu(self.bn1(x)))
        out = self.conv2(F.relu(self.bn2(out)))
        shortcut: Tensor = x if self.projection is None else self.projection(x)
        return out + shortcut


def _stage(count: int, channels_in: int, channels: int, stride: int) -> nn.Sequential:
    rest = (_Block(channels, channels, 1) for _ in range(count - 1))
    return nn.Sequential(_Block(channels_in, channels, stride), *rest)


class WideResNet(Network):
    """WRN-depth-width for small images; 28-2 has 1,467,610 parameters at 10 classes.

    A stem of 16 channels; three stages of (depth - 4) / 6 blocks with 16, 32 and 64 times `width` channels at strides
    1, 2, 2; BN-ReLU; global average pooling, whose output is the embedding; a linear classifier.

    Args:
        num_classes: number of classes.
        depth: 6 n + 4 layers, for example 10, 16, 28.
        width: factor of the channels.
        dropout: probability before the classifier; BALD samples it.
        loss_predictor: whether a loss predictor reads the three stages.
    """

    predicts = "image"
    foldable = True

    def __init__(
        self, num_classes: int, depth: int = 28, width: int = 2, dropout: float = 0.0, loss_predictor: bool = False
    ) -> None:
        super().__init__()
        require("network.depth", depth, most=1000)
        require("network.width", width, least=1, most=256)
        if depth < 10 or (depth - 4) % 6:
            raise UsageError(f"WideResNet depth {depth} is not 6 n + 4 (10, 16, 22, 28, 40 ...).")
        blocks = (depth - 4) // 6
        channels = [16, 16 * width, 32 * width, 64 * width]
        self.stem = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.stages = nn.ModuleList(
            _stage(blocks, *pair, stride) for pair, stride in zip(pairwise(channels), (1, 2, 2), strict=True)
        )
        self.bn = nn.BatchNorm2d(channels[-1])
        self.dropout = MCDropout(dropout)
        self.classifier = nn.Linear(channels[-1], num_classes)
        init_convolutions(self)
        nn.init.zeros_(self.classifier.bias)
        self.loss_predictor = LossPredictor(channels[1:]) if loss_predictor else None

    def encode(self, image: Tensor) -> Features:
        """Return the pooled penultimate features, (B, 64 x width), and the three stages as taps."""
        taps = run_stages(self.stem(image), self.stages)
        embedding = pooled(F.relu(self.bn(taps[-1])))
        return Features((), embedding, taps, (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), self.predicted_loss(features))
