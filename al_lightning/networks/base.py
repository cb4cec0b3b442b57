"""The base class of networks, the loss predictor, and functions that several networks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.types import Features, LinearHead, NetworkOutput


class LossPredictor(nn.Module):
    """Global mean, linear layer and ReLU for each tap; a linear layer joins them (Yoo and Kweon 2019).

    Args:
        channels: channels of each tap.
        width: features per tap.

    Attributes:
        stop_gradient: whether the gradient of the predicted loss stops here and does not reach the network.
    """

    def __init__(self, channels: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(count, width) for count in channels)
        self.join = nn.Linear(len(channels) * width, 1)
        self.stop_gradient = False

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Map the taps, (B, D_i, H_i, W_i) each, to predicted losses, (B,)."""
        if self.stop_gradient:
            taps = [tap.detach() for tap in taps]
        parts = [F.relu(branch(pooled(tap))) for branch, tap in zip(self.branches, taps, strict=True)]
        return self.join(torch.cat(parts, dim=1)).squeeze(1)  # type: ignore[no-any-return]


class Network(nn.Module, ABC):
    """An encoder and a decoder: embeddings need no decoder, and a stochastic decoder repeats without the encoder.

    The first argument of a subclass is `num_classes`, which the data sets. A subclass may set `loss_predictor`, which
    predicts each image's loss from `Features.taps`; set last, it does not change the initial weights of other layers.
    """

    predicts: ClassVar[Literal["image", "pixel"]]
    """Whether logits are per image, (B, C), or per pixel, (B, C, H, W)."""
    sees_images: ClassVar[bool] = True
    """Whether `encode` takes images; False for a head alone, on vectors that were made elsewhere."""
    foldable: ClassVar[bool] = False
    """Whether pools may be scored by a copy with BatchNorm folded into the preceding convolutions (`folded`).

    True is safe if only the BatchNorm reads the output of such a convolution, and no closure refers to a module.
    Subclasses inherit the value; a backbone has its own.
    """

    def __init__(self) -> None:
        super().__init__()
        # An instance attribute: a class attribute would hide a submodule of this name.
        self.loss_predictor: LossPredictor | None = None

    if TYPE_CHECKING:

        def __call__(self, image: Tensor) -> NetworkOutput:
            """See `forward`; torch's own declaration returns Any."""

    @abstractmethod
    def encode(self, image: Tensor) -> Features:
        """Map (B, 3, H, W) float32 normalised images to features."""

    @abstractmethod
    def decode(self, features: Features) -> NetworkOutput:
        """Map features to logits."""

    def predicted_loss(self, features: Features) -> Tensor | None:
        """Return each image's predicted loss, (B,); None without a loss predictor."""
        return self.loss_predictor(features.taps) if self.loss_predictor is not None else None

    def forward(self, image: Tensor) -> NetworkOutput:
        """Return `decode(encode(image))`."""
        return self.decode(self.encode(image))

    def trunk(self) -> nn.Module | None:
        """Return the pretrained part, which trains at the base learning rate; None for the whole network."""
        return None

    def linear_head(self) -> tuple[list[Tensor], Tensor] | None:
        """Return the weights and the bias of a `decode` that is linear in the features, which a probe can fit.

        Returns:
            One weight for the embedding, (C, D), or one for each of the features' maps, (C, D_i, 1, 1); and the bias,
            (C,). None where `decode` is something else.
        """
        classifier = getattr(self, "classifier", None)
        return ([classifier.weight], classifier.bias) if isinstance(classifier, nn.Linear) else None

    def head_on_embedding(self) -> LinearHead | None:
        """Return a copy of the linear head, on the CPU, where it is one on the embedding; else None."""
        head = self.linear_head()
        if head is None or len(head[0]) != 1 or head[0][0].ndim != 2:
            return None
        return LinearHead(head[0][0].detach().double().cpu(), head[1].detach().double().cpu())

    @torch.no_grad()
    def set_linear_head(self, weight: Tensor, bias: Tensor) -> None:
        """Set the weights, (C, D) of all features one after the other, and the bias, (C,), of `linear_head`."""
        head = self.linear_head()
        assert head is not None
        parts = torch.split(weight, [part.shape[1] for part in head[0]], dim=1)
        for part, value in zip(head[0], parts, strict=True):
            part.copy_(value.view_as(part))
        head[1].copy_(bias)


def trained_on(network: nn.Module) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return mean and deviation, by channel, of the images that a network's pretrained weights were trained on.

    They are on a scale of 0 to 1. None where no part of the network knows them.
    """
    known = (getattr(module, "trained_on", None) for module in network.modules())
    return next((each for each in known if each is not None), None)


def conv_bn_relu(channels_in: int, channels: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return a `size` x `size` convolution without bias, BatchNorm and ReLU; stride 1 keeps height and width."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, size, stride, dilation * (size // 2), dilation, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    )


def run_stages(x: Tensor, stages: Iterable[nn.Module]) -> tuple[Tensor, ...]:
    """Apply stages one after the other and return the output of each."""
    outputs = []
    for stage in stages:
        x = stage(x)
        outputs.append(x)
    return tuple(outputs)


def init_convolutions(network: nn.Module) -> None:
    """Draw the weights of all convolutions from He's normal distribution (He et al. 2015), by fan-out."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def pooled(x: Tensor, cells: int = 1) -> Tensor:
    """Average maps, (B, D, H, W), over `cells` x `cells` regions and flatten the result, (B, D x cells^2)."""
    return torch.flatten(F.adaptive_avg_pool2d(x, cells), 1)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps, (B, D, H, W), to (height, width) bilinearly."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def full_size(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize logits, (B, C, H, W), to the image's size; the result has classes first in memory.

    Softmax over a few channels takes seven times as long where they lie last in memory.
    """
    return resize(logits.contiguous(), size)


def predicted_classes(logits: Tensor) -> Tensor:
    """Return the most probable class of logits, (B, C) or (B, C, H, W): int64 without C; of equal ones the first.

    On a CPU, `max` finds it eight times as fast as `argmax` where the classes do not lie last in memory.
    """
    return logits.max(dim=1).indices
