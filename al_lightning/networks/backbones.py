"""Backbones for dense prediction: torchvision's classifiers without their heads, at a chosen output stride."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torchvision
from torch import Tensor, nn

from al_lightning.errors import UsageError
from al_lightning.networks.weights import load_weights


class Backbone(nn.Module, ABC):
    """Gives a fine and a coarse map.

    Attributes:
        channels: channels of the (fine, coarse) maps.
        stage_channels: channels of each stage.
        output_stride: pixels of the input per pixel of the coarse map, 8 or 16; the fine map is at stride 4, or 2.
        foldable: whether its BatchNorm may be folded, as in a Network's.
    """

    foldable: ClassVar[bool] = False

    channels: tuple[int, int]
    stage_channels: tuple[int, ...]
    output_stride: int

    @abstractmethod
    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Map (B, 3, H, W) to (stages, fine, coarse); stages are taps for a loss predictor."""


def dilate(module: nn.Module, dilation: int) -> None:
    """Replace the strides of a stage by dilation, in place; weights and shapes stay as pretraining knows them.

    A convolution that strided saw its input before the stride and keeps that stage's spacing; all others look
    `dilation` pixels apart (Chen et al. 2017, atrous convolution).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            spacing = dilation // 2 if layer.stride[0] > 1 else dilation
            layer.stride = (1, 1)
            if (size := layer.kernel_size[0]) > 1:
                layer.dilation = (spacing, spacing)
                layer.padding = (spacing * (size // 2), spacing * (size // 2))


def _check_stride(output_stride: int) -> None:
    if output_stride not in (8, 16):
        raise UsageError(f"output_stride {output_stride} is not supported; use 8 or 16.")


class ResNet(Backbone):
    """torchvision's ResNet (He et al. 2016).

    Args:
        depth: 18 or 50.
        output_stride: 8 or 16.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none.
    """

    foldable: ClassVar[bool] = True

    def __init__(self, depth: Literal[18, 50] = 18, output_stride: int = 16, weights: str | None = None) -> None:
        super().__init__()
        _check_stride(output_stride)
        if depth not in (18, 50):
            raise UsageError(f"backbone.depth {depth} is not supported; use 18 or 50.")
        net = torchvision.models.get_model(f"resnet{depth}", weights=None)
        load_weights(net, weights, f"resnet{depth}", ignore=("fc.",))
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.stages = nn.ModuleList([net.layer1, net.layer2, net.layer3, net.layer4])
        if output_stride == 8:
            dilate(net.layer3, 2)
        dilate(net.layer4, 32 // output_stride)
        expansion = 1 if depth == 18 else 4
        self.channels = (64 * expansion, 512 * expansion)
        self.stage_channels = tuple(width * expansion for width in (64, 128, 256, 512))
        self.output_stride = output_stride

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the four stages, the first of them (stride 4), and the last."""
        x = self.stem(image)
        stages = []
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        return tuple(stages), stages[0], stages[-1]


class MobileNetV3(Backbone):
    """torchvision's MobileNetV3-Large (Howard et al. 2019).

    Args:
        output_stride: 8 or 16.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none.
    """

    foldable: ClassVar[bool] = True

    def __init__(self, output_stride: int = 16, weights: str | None = None) -> None:
        super().__init__()
        _check_stride(output_stride)
        net = torchvision.models.get_model("mobilenet_v3_large", weights=None)
        load_weights(net, weights, "mobilenet_v3_large", ignore=("classifier.",))
        blocks = list(net.features)
        # Blocks 7 and 13 go from stride 8 to 16 and from 16 to 32; block 3 is the last at stride 4.
        if output_stride == 8:
            for block in blocks[7:13]:
                dilate(block, 2)
        for block in blocks[13:]:
            dilate(block, 32 // output_stride)
        self.stages = nn.ModuleList(
            nn.Sequential(*part) for part in (blocks[:4], blocks[4:7], blocks[7:13], blocks[13:])
        )
        self.channels = (24, 960)
        self.stage_channels = (24, 40, 112, 960)
        self.output_stride = output_stride

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the four stages, the first of them (stride 4), and the last."""
        x = image
        stages = []
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        return tuple(stages), stages[0], stages[-1]
