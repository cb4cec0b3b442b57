"""What every network is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.networks.loss_predictor import LossPredictor
from al_lightning.types import Features, NetworkOutput


class Network(nn.Module, ABC):
    """A network in two halves, so that embeddings need no decoder and stochastic decoders repeat cheaply.

    A subclass takes `num_classes` as its first argument; the data sets it. A `loss_predictor`, where it makes one,
    guesses each image's loss from `Features.taps`.
    """

    predicts: ClassVar[Literal["image", "pixel"]]
    """Whether a class is given per image, logits (B, C), or per pixel, logits (B, C, H, W)."""
    foldable: ClassVar[bool] = False
    """Whether pools may be scored by a copy with BatchNorm folded into the convolutions before it (`folded`).

    Say so where nothing but the BatchNorm reads what such a convolution gives, and no closure holds on to a module. A
    subclass inherits it; a backbone answers for itself.
    """

    def __init__(self) -> None:
        super().__init__()
        # Not a class attribute, which would hide a module of that name. Whoever trains the network trains it too.
        self.loss_predictor: LossPredictor | None = None

    @abstractmethod
    def encode(self, image: Tensor) -> Features:
        """Map (B, 3, H, W) float32 normalised images to features."""

    @abstractmethod
    def decode(self, features: Features) -> NetworkOutput:
        """Map features to logits."""

    def predicted_loss(self, features: Features) -> Tensor | None:
        """Return the guess of each image's loss, (B,); None without a loss predictor."""
        return self.loss_predictor(features.taps) if self.loss_predictor is not None else None

    def forward(self, image: Tensor) -> NetworkOutput:
        """Return `decode(encode(image))`."""
        return self.decode(self.encode(image))

    def trunk(self) -> nn.Module | None:
        """Return the part that pretraining reaches, trained at the base rate; None where all of it is."""
        return None


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps, (B, D, H, W), at another (height, width), bilinearly."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def full_size(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Return logits, (B, C, H, W), at the image's size and class by class.

    Softmax over a few channels takes seven times as long where these lie last.
    """
    return resize(logits.contiguous(), size)
