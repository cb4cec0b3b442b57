"""What a choice consists of: its classes, and how much of it says the same twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.duplicates.groups import group
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.duplicates.relation import LOOK_ALIKE
from al_lightning.pool import Pool

REPEATS = (
    "An image counts as a near-duplicate when it is like one that was labelled before it, or stands before it in the "
    "same batch, and that does not itself count. Two images are alike when their pixels are equal, or when, "
    f"{LOOK_ALIKE}."
)
"""What `repeats` counts, for the reader of a page."""


def class_counts(images: Images, indices: Sequence[int], num_classes: int) -> npt.NDArray[np.int64]:
    """Count classes: pixels of each where there is a class per pixel, images of each otherwise.

    Args:
        images: the full training set.
        indices: positions to count; one that is named twice counts twice.
        num_classes: C.

    Returns:
        (C,) int64; what is to be ignored (255) is not counted.
    """
    counts = np.zeros(num_classes, dtype=np.int64)
    for index in indices:
        label = np.asarray(images.label(index)).ravel().astype(np.int64)
        counts += np.bincount(label, minlength=num_classes)[:num_classes]
    return counts


def described(images: Images | DescribedImages) -> DescribedImages:
    """Return a set's descriptors, which are kept: ask once for all questions about one set."""
    return images if isinstance(images, DescribedImages) else DescribedImages(images.image)


def repeats(images: Images | DescribedImages, pool: Pool, chosen: Sequence[int]) -> list[bool]:
    """Tell for each image of a batch whether it repeats what was there: labelled before, or earlier in the batch.

    What was labelled before and the batch are grouped in the order of labelling (`duplicates.groups`): an image repeats
    when it is a near-duplicate of the leader of a group.

    Args:
        images: the full training set, or its descriptors.
        pool: as it was before the batch.
        chosen: the batch, in order.
    """
    everything = described(images).descriptors([*pool.labelled, *chosen])
    found: list[bool] = group(everything).repeats[len(pool.labelled) :].tolist()
    return found
