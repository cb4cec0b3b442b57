"""Batches of stored features in place of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from al_lightning.data.images import Images
from al_lightning.data.streams import PaddedBatches
from al_lightning.networks.from_features import Layout
from al_lightning.types import Batch

VECTORS = 1000
"""Vectors of a batch."""


class StoredFeatures(Protocol):
    """The features of a set of images, a row for each image, in the order of the images."""

    @property
    def layout(self) -> Layout:
        """The parts of a row."""

    def __len__(self) -> int: ...

    def rows(self, positions: Sequence[int]) -> Tensor:
        """Return the rows of images, (B, R) float16 or float32."""


def feature_batch(stored: StoredFeatures, images: Images, positions: Sequence[int], labels: bool) -> Batch:
    """Return rows of features, labels and positions as a batch; without `labels`, all labels are 255."""
    label = [images.label(index) if labels else 255 for index in positions]
    index = torch.tensor(list(positions), dtype=torch.int64)
    return Batch(stored.rows(positions), torch.from_numpy(np.stack(label)), index)


def batch_size_of(stored: StoredFeatures, images: int) -> int:
    """Return how many images' features a batch of testing or scoring has, where a batch of images has `images`.

    A vector is a hundredth of an image: larger batches save most of the time.
    """
    return images if stored.layout.maps else max(images, VECTORS)


class PaddedFeatures(PaddedBatches):
    """Each image's features once, in batches as those of `PaddedBatches`; other arguments are the same.

    Args:
        stored: the features of the set.
    """

    def __init__(
        self,
        stored: StoredFeatures,
        images: Images,
        indices: Sequence[int],
        batch_size: int,
        labels: bool,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(images, indices, batch_size, labels, rank, world_size)
        self.stored = stored

    def __getitem__(self, number: int) -> Batch:
        indices = self.batches[number]
        shown = [int(index) for index in np.where(indices >= 0, indices, self.filler)]
        batch = feature_batch(self.stored, self.images, shown, self.labels)
        return batch._replace(index=torch.from_numpy(indices))


class AllLabelled(Dataset[Batch]):
    """The features of all labelled images, in the order of their positions, as one batch on every process.

    Args:
        stored: the features of the training set.
        images: the training set.
        labelled: positions.
    """

    def __init__(self, stored: StoredFeatures, images: Images, labelled: Sequence[int]) -> None:
        self.stored = stored
        self.images = images
        self.labelled = sorted(labelled)

    def __getitem__(self, step: int) -> Batch:
        return feature_batch(self.stored, self.images, self.labelled, labels=True)
