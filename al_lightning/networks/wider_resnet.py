"""WiderResNet-38 (Wu et al. 2016; Rota Bulò et al. 2018), the paper's backbone for segmentation."""

from __future__ import annotations

import functools
import logging
from collections import OrderedDict

from torch import Tensor, nn

from al_lightning.errors import UsageError, require
from al_lightning.networks.backbones import Backbone
from al_lightning.networks.base import run_stages
from al_lightning.networks.weights import load_weights

log = logging.getLogger(__name__)

# Layers have the names of the public checkpoint, `convs.bn2.0` and so on.


def _norm(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def _conv(channels_in: int, channels: int, size: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (size // 2)
    return nn.Conv2d(channels_in, channels, size, stride, padding, dilation, bias=False)


class _Block(nn.Module):
    """Pre-activation residual block with a 1x1 projection of the normalised input if shapes differ.

    Two entries in `channels` make convolutions 3x3, 3x3; three make 1x1, 3x3, 1x1 with channel dropout before the last.
    The first convolution has the stride.
    """

    def __init__(
        self, channels_in: int, channels: tuple[int, ...], stride: int, dilation: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.bn1 = _norm(channels_in)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        sizes = (3, 3) if len(channels) == 2 else (1, 3, 1)
        inputs = (channels_in, *channels)
        for number, (size, before, after) in enumerate(zip(sizes, inputs, channels, strict=False), start=1):
            if number > 1:
                layers[f"bn{number}"] = _norm(before)
            if number == 3:
                layers["dropout"] = nn.Dropout2d(dropout)
            spacing = dilation if size == 3 else 1
            layers[f"conv{number}"] = _conv(before, after, size, stride if number == 1 else 1, spacing)
        self.convs = nn.Sequential(layers)
        differ = stride != 1 or channels_in != channels[-1]
        self.proj_conv = _conv(channels_in, channels[-1], 1, stride) if differ else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(x)
        shortcut = x if self.proj_conv is None else self.proj_conv(out)
        return self.convs(out) + shortcut  # type: ignore[no-any-return]


class WiderResNet38(Backbone):
    """The variant "wider_resnet38_a2" at output stride 8; 105 million parameters.

    Seven modules with the names of the checkpoint: `mod1` is a 3x3 convolution, `mod2` to `mod7` are groups of 3, 3, 6,
    3, 1, 1 blocks. The fine map is the output of `mod2`, at stride 2. The coarse map is the output of `mod7`, without
    the checkpoint's final BatchNorm, which belongs to its classifier. `DeepLabV3Plus(19, WiderResNet38(),
    linear_projections=True)` is the paper's network of 137,103,936 parameters.

    Args:
        weights: path to the public ImageNet checkpoint (under `state_dict`, names `module.mod2.block1...`), or none.
        dropout6: probability that a channel is dropped in `mod6`, in training only; BALD does not sample it.
        dropout7: the same in `mod7`.
        width: channels of the first convolution; 64 is the published network.
    """

    foldable = True

    def __init__(
        self, weights: str | None = None, dropout6: float = 0.3, dropout7: float = 0.5, width: int = 64
    ) -> None:
        super().__init__()
        require("backbone.width", width, least=1, most=512)
        require("backbone.dropout6", dropout6, least=0, below=1)
        require("backbone.dropout7", dropout7, least=0, below=1)
        w1, w2, w4, w8, w16, w32, w64 = (width * 2**power for power in range(7))
        self.mod1 = nn.Sequential(OrderedDict(conv1=_conv(3, w1, 3)))
        self.pool2 = nn.MaxPool2d(3, 2, 1)
        self.mod2 = _group(3, w1, (w2, w2))
        self.pool3 = nn.MaxPool2d(3, 2, 1)
        self.mod3 = _group(3, w2, (w4, w4))
        self.mod4 = _group(6, w4, (w8, w8), stride=2)
        self.mod5 = _group(3, w8, (w8, w16), dilation=2)
        self.mod6 = _group(1, w16, (w8, w16, w32), dilation=4, dropout=dropout6)
        self.mod7 = _group(1, w32, (w16, w32, w64), dilation=4, dropout=dropout7)
        self.channels = (w2, w64)
        self.stage_channels = (w8, w16, w32, w64)
        self.output_stride = 8
        if weights == "imagenet":
            raise UsageError(
                "WiderResNet38's ImageNet weights cannot be downloaded by a program; download wider_resnet38.pth.tar "
                "by hand and give its path as weights, or train from scratch with weights: null."
            )
        load_weights(self, weights, type(self).__name__, ignore=("bn_out.", "classifier."))
        if weights is None:
            _log_random_start()

    def forward(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Return the maps of `mod4` to `mod7` (stride 8), of `mod2` (stride 2), and of `mod7`."""
        fine = self.mod2(self.pool2(self.mod1(image)))
        stages = run_stages(self.mod3(self.pool3(fine)), (self.mod4, self.mod5, self.mod6, self.mod7))
        return stages, fine, stages[-1]


def _group(
    count: int, channels_in: int, channels: tuple[int, ...], stride: int = 1, dilation: int = 1, dropout: float = 0.0
) -> nn.Sequential:
    blocks = [_Block(channels_in, channels, stride, dilation, dropout)]
    blocks += [_Block(channels[-1], channels, 1, dilation, dropout) for _ in range(count - 1)]
    return nn.Sequential(OrderedDict((f"block{number}", block) for number, block in enumerate(blocks, start=1)))


@functools.cache
def _log_random_start() -> None:
    """Log once a process, not once a fit."""
    log.info(
        "WiderResNet38 starts from random weights, and results will be below the paper's, which used ImageNet weights "
        "(the path of wider_resnet38.pth.tar as weights)."
    )
