"""scikit-learn's handwritten digits: 1,797 real images of 8 x 8 that come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images
from al_lightning.data.split import hold_out


class ArrayImages(Images):
    """Images in memory, each with one class.

    Args:
        images: (N, H, W, 3) uint8.
        classes: (N,) int.
    """

    def __init__(self, images: Array, classes: npt.NDArray[np.int64]) -> None:
        self.images = images
        self.classes = classes

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Array:
        """Return one image."""
        image: Array = self.images[index]
        return image

    def label(self, index: int) -> int:
        """Return its class."""
        return int(self.classes[index])

    def sources(self, index: int) -> Sequence[Path]:
        """Return none: an array has no file."""
        return ()

    def name(self, index: int) -> str:
        """Return its number."""
        return f"digit {index}"


class Digits(PoolDataset):
    """scikit-learn's 1,797 digits of 8 x 8 (UCI, Alpaydin and Kaynak 1998); a fifth of each class is the test set.

    Args:
        **options: see PoolDataset, `root` aside.
    """

    folder = "digits"
    labels = "image"

    def __init__(self, **options: Any) -> None:
        super().__init__(root=None, **options)  # they come with scikit-learn

    @cached_property
    def _splits(self) -> tuple[ArrayImages, ArrayImages]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.repeat((digits.images * (255 / 16)).round().astype(np.uint8)[..., None], 3, axis=-1)
        classes = digits.target.astype(np.int64)
        train, test = (ArrayImages(images[part], classes[part]) for part in hold_out(classes, 0.2))
        return train, test

    @property
    def class_names(self) -> Sequence[str]:
        """The ten digits."""
        return tuple("0123456789")

    def build_train(self) -> Images:
        """Return the training digits."""
        return self._splits[0]

    def build_test(self) -> Images:
        """Return the test digits."""
        return self._splits[1]

    def classes(self) -> Sequence[int]:
        """Return the class of each training digit."""
        return [int(value) for value in self._splits[0].classes]
