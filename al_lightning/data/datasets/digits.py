"""scikit-learn's handwritten digits: 1,797 real images of 8 x 8 that come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from al_lightning.data.datasets.bases import SplitDataset
from al_lightning.data.draw import hold_out
from al_lightning.data.images import ArrayImages


class Digits(SplitDataset):
    """scikit-learn's 1,797 digits of 8 x 8 (UCI, Alpaydin and Kaynak 1998); a fifth of each class is the test set.

    Args:
        **options: see PoolDataset, except `root`.
    """

    folder = "digits"
    labels = "image"
    class_names = tuple("0123456789")

    def __init__(self, **options: Any) -> None:
        super().__init__(root=None, **options)  # the images come with scikit-learn

    @cached_property
    def _sets(self) -> tuple[ArrayImages, ArrayImages]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.repeat((digits.images * (255 / 16)).round().astype(np.uint8)[..., None], 3, axis=-1)
        classes = digits.target.astype(np.int64)
        # The names differ between the sets: vectors that were made elsewhere are found by them.
        train, test = (
            ArrayImages(images[part], classes[part], [f"{name} {index}" for index in range(len(part))])
            for name, part in zip(("digit", "test digit"), hold_out(classes, 0.2), strict=True)
        )
        return train, test

    def classes(self) -> Sequence[int]:
        """Return the class of each training digit."""
        return [int(value) for value in self._sets[0].labels]
