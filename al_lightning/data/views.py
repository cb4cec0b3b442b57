"""Unlabelled images for semi-supervised training: the images, their number per step, and their views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch.utils.data import Dataset

from al_lightning.data.augmentation import Augmentation
from al_lightning.data.streams import Stream
from al_lightning.errors import MOST, UsageError, require
from al_lightning.pool import Indices, Pool
from al_lightning.types import Batch

LABELLED = "labelled"
ONE_VIEW = "unlabelled"


@dataclass(frozen=True)
class Unlabelled:
    """A stream of images without labels beside the labelled stream; the config of a training method sets it.

    Args:
        images: `pool` draws from all images of the pool, `unlabelled` from those without a label.
        batch_size: images of a step, over all processes; by default the number of labelled images.
        views: augmentation of each view, by name; null stands for that of labelled images. Each drawn image appears
            once in each view. By default there is one view, `unlabelled`.
    """

    images: Literal["pool", "unlabelled"] = "unlabelled"
    batch_size: int | None = None
    views: dict[str, Augmentation | None] | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            require("data.unlabelled.batch_size", self.batch_size, least=1, most=MOST)
        if LABELLED in self.names:
            raise UsageError(f"A view of unlabelled images cannot be called {LABELLED!r}; that is the labelled stream.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the views."""
        return tuple(self.views) if self.views else (ONE_VIEW,)

    def check(self, pool_size: int, labelled: int) -> None:
        """Raise UsageError where a fit on `labelled` of the pool's images would have no image to draw."""
        if self.images == "unlabelled" and labelled >= pool_size:
            raise UsageError(
                f"With all {pool_size} images labelled there is no unlabelled image to train on; buy fewer labels, "
                "train on labels only, or draw from the whole pool: --data.unlabelled.images pool."
            )

    def drawn_from(self, pool: Pool) -> Indices:
        """Return the positions of the images to draw from, ascending, (N,) int64."""
        return np.arange(pool.size) if self.images == "pool" else pool.unlabelled


class Views(Dataset[dict[str, Batch]]):
    """Items of a stream in several views; labels are not read.

    For a class per pixel, labels are 0, and 255 where an augmentation padded the image, since padding must not be
    trained on. Otherwise labels are 255.

    Args:
        stream: the stream of images.
        views: augmentation of each view, by name.
        pixel: whether the dataset has a class per pixel.
    """

    def __init__(self, stream: Stream, views: Mapping[str, Augmentation], pixel: bool) -> None:
        self.stream = stream
        self.views = views
        self.pixel = pixel

    def __getitem__(self, step: int) -> dict[str, Batch]:
        indices = self.stream.positions(step)
        images = [self.stream.images.image(index) for index in indices]
        samples = [(image, np.zeros(image.shape[:2], np.uint8) if self.pixel else 255) for image in images]
        return {
            view: self.stream.augmented(step, indices, samples, augmentation, view)
            for view, augmentation in self.views.items()
        }
