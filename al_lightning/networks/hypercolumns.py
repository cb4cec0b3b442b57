"""Dense features of a frozen encoder and a linear classifier per position, on maps that keep their own resolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.networks.base import Network, pooled
from al_lightning.networks.dropout import MCDropout
from al_lightning.networks.timm_models import TimmEncoder, check_model, feature_maps, load_weights_of_timm
from al_lightning.types import Features, NetworkOutput

_OWN = 9
"""Channels of `own_channels`."""


class HypercolumnClassifier(Network):
    """Each pixel's class from the features above it in all maps of an encoder (Hariharan et al. 2015), linearly.

    The maps are the image's own channels at stride 2 (`own_channels`), and those of a timm model: for
    EfficientNet-Lite0 16, 24, 40, 112 and 320 channels at strides 2, 4, 8, 16 and 32. Each has a 1x1 convolution, whose
    outputs are resized to the image's size and added. A linear map of each position commutes with bilinear resizing:
    the sum equals one 1x1 convolution of all maps resized and concatenated, which would take 57 times the memory. The
    embedding is the pooled last map, (B, 320).

    Args:
        num_classes: number of classes.
        model: timm's name.
        weights: as in `TimmClassifier`.
        freeze: as in `TimmClassifier`: the encoder is frozen (`trunk`), or nothing (`none`), or all.
        dropout: probability that a channel of a map is dropped at all positions; BALD samples it.
    """

    predicts = "pixel"

    def __init__(
        self,
        num_classes: int,
        model: str = "tf_efficientnet_lite0",
        weights: str | None = None,
        freeze: Literal["none", "trunk", "all"] = "trunk",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_model(model, weights)
        net = feature_maps(model)
        if weights is not None:
            load_weights_of_timm(net, model, weights)
        self.encoder = TimmEncoder(net, model, frozen=freeze != "none")
        channels = [_OWN, *net.feature_info.channels()]
        self.dropouts = nn.ModuleList(MCDropout(dropout) for _ in channels)
        # The first map's convolution has the bias of the sum.
        classifiers = (nn.Conv2d(count, num_classes, 1, bias=number == 0) for number, count in enumerate(channels))
        self.classifiers = nn.ModuleList(classifiers).requires_grad_(freeze != "all")

    def trunk(self) -> nn.Module:
        """Return the encoder."""
        return self.encoder

    def linear_head(self) -> tuple[list[Tensor], Tensor]:
        """Return the weights of the maps' convolutions, (C, D_i, 1, 1), and the bias, (C,)."""
        convolutions = [each for each in self.classifiers if isinstance(each, nn.Conv2d)]
        bias = convolutions[0].bias
        assert bias is not None
        return [each.weight for each in convolutions], bias

    def encode(self, image: Tensor) -> Features:
        """Return the image's own channels and the encoder's maps, finest first, and the pooled last map.

        Raises:
            UsageError: the model takes images of one size, and these have another.
        """
        maps = self.encoder(image)
        return Features((own_channels(image), *maps), pooled(maps[-1]), (), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C, H, W)."""
        parts: dict[tuple[int, int], Tensor] = {}
        for x, dropout, classifier in zip(features.maps, self.dropouts, self.classifiers, strict=True):
            mask = dropout(torch.ones_like(x[:, :, 0, 0]))
            if self.training or dropout.key is not None:
                x = x * mask[:, :, None, None]
            logits, size = classifier(x), (x.shape[-2], x.shape[-1])
            parts[size] = parts[size] + logits if size in parts else logits
        return NetworkOutput(sum_of_resized(list(parts.values()), features.size))


def sum_of_resized(maps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Resize maps, (B, C, h_i, w_i) each, to (H, W) bilinearly and add them up: (B, C, H, W).

    Bilinear resizing is linear along each side, so that two matrix products do it for all maps, in two thirds of the
    time of `interpolate` on a CPU; equal to it but for rounding.
    """
    with torch.autocast(maps[0].device.type, enabled=False):
        single = [x.to(torch.promote_types(x.dtype, torch.float32)) for x in maps]
        rows = [_resizing(x.shape[-2], size[0], x) for x in single]
        wide = [x @ _resizing(x.shape[-1], size[1], x).T for x in single]
        return torch.cat(rows, dim=1) @ torch.cat(wide, dim=2)


def _resizing(length: int, target: int, like: Tensor) -> Tensor:
    """Return the weights of bilinear resizing along a side, (target, length)."""
    unit = torch.eye(length, dtype=like.dtype, device=like.device)
    return F.interpolate(unit[None], size=target, mode="linear", align_corners=False)[0].T


def own_channels(image: Tensor) -> Tensor:
    """Return an image at stride 2, with mean and standard deviation of each channel over the nearest 5 x 5 positions.

    Args:
        image: (B, 3, H, W).

    Returns:
        (B, 9, ceil(H / 2), ceil(W / 2)): the channels, their means, their deviations. Positions outside do not count.
    """
    half = F.avg_pool2d(image, 2, ceil_mode=True)
    mean, square = (F.avg_pool2d(x, 5, 1, 2, count_include_pad=False) for x in (half, half.square()))
    return torch.cat([half, mean, (square - mean.square()).clamp(min=0).sqrt()], dim=1)
