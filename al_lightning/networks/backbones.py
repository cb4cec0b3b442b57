"""Backbones for dense prediction: torchvision's classifiers without their heads, at output stride 8 or 16."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torchvision
from torch import Tensor, nn

from al_lightning.errors import UsageError
from al_lightning.networks.base import run_stages
from al_lightning.networks.weights import load_weights

ResNetDepth = Literal[18, 34, 50, 101, 152]


class Backbone(nn.Module, ABC):
    """Maps images to a fine and a coarse feature map.

    Attributes:
        channels: channels of the (fine, coarse) maps.
        stage_channels: channels of each stage.
        output_stride: input pixels per pixel of the coarse map, 8 or 16; the fine map has stride 4 or 2.
        foldable: whether BatchNorm may be folded, see `Network.foldable`.
    """

    foldable: ClassVar[bool] = False

    channels: tuple[int, int]
    stage_channels: tuple[int, ...]
    output_stride: int

    @abstractmethod
    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Map (B, 3, H, W) to (stages, fine, coarse); a loss predictor reads the stages."""


def dilate(module: nn.Module, dilation: int) -> None:
    """Replace the strides of a stage by dilation, in place; pretrained weights still fit.

    A convolution with a stride keeps the spacing of the stage before; all others get `dilation` (atrous convolution,
    Chen et al. 2017).
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            spacing = dilation // 2 if layer.stride[0] > 1 else dilation
            layer.stride = (1, 1)
            if (size := layer.kernel_size[0]) > 1:
                layer.dilation = (spacing, spacing)
                layer.padding = (spacing * (size // 2), spacing * (size // 2))


def check_stride(output_stride: int) -> None:
    """Raise UsageError unless the output stride is 8 or 16."""
    if output_stride not in (8, 16):
        raise UsageError(f"output_stride {output_stride} is not supported; use 8 or 16.")


def resnet_stages(depth: int, weights: str | None) -> tuple[list[nn.Module], list[int]]:
    """Build torchvision's ResNet without its classifier.

    Returns:
        The stem and the four stages; the channels of the four stages.

    Raises:
        UsageError: torchvision has no ResNet of this depth, or the weights do not fit.
    """
    if depth not in (18, 34, 50, 101, 152):
        raise UsageError(f"ResNet depth {depth} is not supported; use 18, 34, 50, 101 or 152.")
    net = torchvision.models.get_model(f"resnet{depth}", weights=None)
    load_weights(net, weights, f"resnet{depth}", ignore=("fc.",))
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    channels = [(1 if depth < 50 else 4) * width for width in (64, 128, 256, 512)]
    return [stem, net.layer1, net.layer2, net.layer3, net.layer4], channels


class ResNet(Backbone):
    """torchvision's ResNet (He et al. 2016).

    Args:
        depth: 18, 34, 50, 101 or 152.
        output_stride: 8 or 16.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none.
    """

    foldable = True

    def __init__(self, depth: ResNetDepth = 18, output_stride: int = 16, weights: str | None = None) -> None:
        super().__init__()
        check_stride(output_stride)
        (self.stem, *stages), channels = resnet_stages(depth, weights)
        self.stages = nn.ModuleList(stages)
        if output_stride == 8:
            dilate(stages[2], 2)
        dilate(stages[3], 32 // output_stride)
        self.channels = (channels[0], channels[-1])
        self.stage_channels = tuple(channels)
        self.output_stride = output_stride

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the four stages, the first stage (stride 4), and the last stage."""
        stages = run_stages(self.stem(image), self.stages)
        return stages, stages[0], stages[-1]


class MobileNetV3(Backbone):
    """torchvision's MobileNetV3-Large (Howard et al. 2019).

    Args:
        output_stride: 8 or 16.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none.
    """

    foldable = True

    def __init__(self, output_stride: int = 16, weights: str | None = None) -> None:
        super().__init__()
        check_stride(output_stride)
        net = torchvision.models.get_model("mobilenet_v3_large", weights=None)
        load_weights(net, weights, "mobilenet_v3_large", ignore=("classifier.",))
        blocks = list(net.features)
        # Block 7 goes from stride 8 to 16, block 13 from 16 to 32; block 3 is the last at stride 4.
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
        """Return the four stages, the first stage (stride 4), and the last stage."""
        stages = run_stages(image, self.stages)
        return stages, stages[0], stages[-1]
