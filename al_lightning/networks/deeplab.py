"""DeepLabV3+ (Chen et al. 2018) on any backbone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import UsageError, require
from al_lightning.networks.backbones import Backbone
from al_lightning.networks.base import LossPredictor, Network, conv_bn_relu, full_size, pooled, resize
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


def _project(channels_in: int, channels: int, linear: bool) -> nn.Module:
    return nn.Conv2d(channels_in, channels, 1, bias=False) if linear else conv_bn_relu(channels_in, channels, 1)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: a 1x1, three dilated 3x3 and the image's mean, joined by a 1x1 convolution.

    Args:
        channels_in: channels of the coarse map.
        channels: channels of each branch and of the output.
        rates: dilations of the three branches.
        linear: whether the joining convolution has neither normalisation nor ReLU.
    """

    def __init__(self, channels_in: int, channels: int, rates: tuple[int, int, int], linear: bool = False) -> None:
        super().__init__()
        dilated = (conv_bn_relu(channels_in, channels, dilation=rate) for rate in rates)
        self.branches = nn.ModuleList([conv_bn_relu(channels_in, channels, 1), *dilated])
        self.pooled = conv_bn_relu(channels_in, channels, 1)
        self.join = _project(5 * channels, channels, linear)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels_in, H, W) to (B, channels, H, W)."""
        pooled = self.pooled(F.adaptive_avg_pool2d(x, 1)).expand(-1, -1, x.shape[-2], x.shape[-1])
        out: Tensor = self.join(torch.cat([pooled, *(branch(x) for branch in self.branches)], dim=1))
        return out


class DeepLabV3Plus(Network):
    """Encoder with ASPP, decoder on the fine map; logits at the input's size.

    The embedding is the pooled ASPP output, (B, `channels` x `embedding_grid`^2). ASPP rates are 6, 12, 18 at output
    stride 16, and twice these at 8 (Chen et al. 2018).

    Args:
        num_classes: number of classes.
        backbone: gives the fine and the coarse map; its output stride sets the rates.
        channels: channels of ASPP and of the decoder.
        fine_channels: channels of the reduced fine map.
        linear_projections: whether the 1x1 convolutions after ASPP and on the fine map have neither normalisation nor
            ReLU, and the classifier no bias: the paper's network.
        embedding_grid: ASPP's output is pooled to this number of cells a side; 1 is the mean over the image.
        dropout: probability on the decoder's input and after each of its two convolutions; BALD samples it.
        loss_predictor: whether a loss predictor reads the backbone's stages.
    """

    predicts = "pixel"
    foldable = True

    def __init__(
        self,
        num_classes: int,
        backbone: Backbone,
        channels: int = 256,
        fine_channels: int = 48,
        linear_projections: bool = False,
        embedding_grid: int = 1,
        dropout: float = 0.0,
        loss_predictor: bool = False,
    ) -> None:
        super().__init__()
        require("network.channels", channels, least=1, most=8192)
        require("network.fine_channels", fine_channels, least=1, most=8192)
        require("network.embedding_grid", embedding_grid, least=1, most=64)
        self.backbone = backbone
        fine, coarse = backbone.channels
        rate = 96 // backbone.output_stride
        self.aspp = ASPP(coarse, channels, (rate, 2 * rate, 3 * rate), linear_projections)
        self.reduce = _project(fine, fine_channels, linear_projections)
        self.decoder = nn.Sequential(conv_bn_relu(fine_channels + channels, channels), conv_bn_relu(channels, channels))
        # The decoder's input is needed for further passes; the outputs of its convolutions may be overwritten.
        self.dropouts = nn.ModuleList(MCDropout(dropout, inplace=number > 0) for number in range(3))
        self.classifier = nn.Conv2d(channels, num_classes, 1, bias=not linear_projections)
        self.embedding_grid = embedding_grid
        self.loss_predictor = LossPredictor(backbone.stage_channels) if loss_predictor else None

    def trunk(self) -> nn.Module:
        """Return the backbone."""
        return self.backbone

    def encode(self, image: Tensor) -> Features:
        """Return the decoder's input (the reduced fine map and ASPP's output, joined), and the pooled ASPP output."""
        if self.training and image.shape[0] < 2:
            raise UsageError(
                "DeepLabV3Plus trains on batches of at least 2 images a process (BatchNorm over pooled maps)."
            )
        stages, fine, coarse = self.backbone(image)
        aspp = self.aspp(coarse)
        embedding = pooled(aspp, self.embedding_grid)
        fine = self.reduce(fine)
        # Joined here and not in `decode`, which Monte-Carlo dropout repeats.
        joined = torch.cat([fine, resize(aspp, (fine.shape[-2], fine.shape[-1]))], dim=1)
        return Features((joined,), embedding, stages, (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        x = self.dropouts[0](features.maps[0])
        for conv, dropout in zip(self.decoder, self.dropouts[1:], strict=True):
            x = dropout(conv(x))
        return NetworkOutput(full_size(self.classifier(x), features.size), self.predicted_loss(features))
