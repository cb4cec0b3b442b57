"""The contents of a choice: its classes, and the images that repeat others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.duplicates.groups import group
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.duplicates.relation import LOOK_ALIKE
from al_lightning.pool import Pool

__all__ = ["class_counts", "redundancy", "repeats", "shares"]

REPEATS = (
    "An image counts as a near-duplicate if it looks like an earlier image, labelled before or earlier in the same "
    "batch, that does not itself count. Two images look alike if their pixels are equal, or if, "
    f"{LOOK_ALIKE}."
)
"""The definition of `repeats` for the readers of a page."""


def class_counts(images: Images, indices: Sequence[int], num_classes: int) -> npt.NDArray[np.int64]:
    """Count the pixels of each class, or the images of each class if labels are per image.

    Args:
        images: the full training set.
        indices: positions to count; repeated positions count repeatedly.
        num_classes: C.

    Returns:
        (C,) int64; ignored pixels (255) do not count.
    """
    counts = np.zeros(num_classes, dtype=np.int64)
    for index in indices:
        label = np.asarray(images.label(index)).ravel().astype(np.int64)
        counts += np.bincount(label, minlength=num_classes)[:num_classes]
    return counts


def shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return each class's share of the counts, (C,); all 0 where nothing was counted."""
    parts: npt.NDArray[np.float64] = counts / max(1, int(counts.sum()))
    return parts


def described(images: Images | DescribedImages) -> DescribedImages:
    """Return a set's descriptors; they are computed once, so use one object for all questions about a set."""
    return images if isinstance(images, DescribedImages) else DescribedImages(images.image)


def redundancy(images: Images | DescribedImages, indices: Sequence[int]) -> float:
    """Return the audit's redundancy score of some images, 0 to 1; each of them is read."""
    return group(described(images).descriptors(indices)).redundancy


def repeats(images: Images | DescribedImages, pool: Pool, chosen: Sequence[int]) -> list[bool]:
    """Tell for each image of a batch whether it repeats an image labelled before, or one earlier in the batch.

    The labelled images and then the batch are grouped by the leader rule (`duplicates.groups`). An image repeats if it
    is a near-duplicate of the leader of a group.

    Args:
        images: the full training set, or its descriptors.
        pool: its state before the batch.
        chosen: the batch, in order.
    """
    descriptors = described(images).descriptors([*pool.labelled, *chosen])
    repeated: list[bool] = group(descriptors).repeats[len(pool.labelled) :].tolist()
    return repeated
