"""Stored features in place of images: what `encode` returned for each image, as one row of numbers."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from al_lightning.networks.base import Network
from al_lightning.types import Features, NetworkOutput

Shape = tuple[int, int, int]


class Layout(NamedTuple):
    """How the features of one image lie in a row: the maps, one after the other, then the embedding.

    Attributes:
        maps: (D, H, W) of each map.
        embedding: numbers of the embedding.
        size: (H, W) of the image that was encoded.
    """

    maps: tuple[Shape, ...]
    embedding: int
    size: tuple[int, int]

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return sum(math.prod(shape) for shape in self.maps) + self.embedding

    def split(self, rows: Tensor) -> Features:
        """Return rows, (B, width), as features of the same dtype, without taps."""
        sizes = [*(math.prod(shape) for shape in self.maps), self.embedding]
        *maps, embedding = torch.split(rows, sizes, dim=1)
        views = tuple(torch.unflatten(flat, 1, shape) for flat, shape in zip(maps, self.maps, strict=True))
        return Features(views, embedding, (), self.size)


def layout_of(features: Features) -> Layout:
    """Return the layout of a batch's features."""
    maps = tuple((each.shape[1], each.shape[2], each.shape[3]) for each in features.maps)
    return Layout(maps, features.embedding.shape[1], features.size)


def rows_of(features: Features) -> Tensor:
    """Return a batch's features as rows, (B, width)."""
    return torch.cat([*(each.flatten(1) for each in features.maps), features.embedding], dim=1)


class FromFeatures(Network):
    """A network that gets the rows of stored features instead of images; its decoder is another network's.

    Args:
        network: the network whose `encode` made the features.
        layout: of the rows.
    """

    foldable: ClassVar[bool] = False

    def __init__(self, network: Network, layout: Layout) -> None:
        super().__init__()
        self.network = network
        self.layout = layout
        self.predicts = network.predicts  # type: ignore[misc]  # of the wrapped network

    def encode(self, image: Tensor) -> Features:
        """Split rows, (B, width), into float32 features."""
        return self.layout.split(image.float())

    def linear_head(self) -> tuple[list[Tensor], Tensor] | None:
        """Return the other network's."""
        return self.network.linear_head()

    def decode(self, features: Features) -> NetworkOutput:
        """Return the other network's logits."""
        return self.network.decode(features)
