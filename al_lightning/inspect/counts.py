"""What a choice consists of: its classes, and how much of it says the same twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.images import Images
from al_lightning.pool import Pool

FRAMES = 5
"""Frames of one sequence that lie no further apart count as near-duplicates: about a sixth of a second of video."""
GREY_LEVELS = 5.0
"""Without a time order, images whose thumbnails differ by no more than this count as near-duplicates.

In the driving video that comes with the package, neighbouring frames differ by 2 (the median), frames 5 apart by 5,
frames 11 apart by 8, and scenes by 17 and more: frames that the rule takes are alike to the eye, and some that are
alike it leaves out.
"""
THUMBNAIL = 8
"""Height and width of those thumbnails, in pixels."""


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


def repeats(images: Images, pool: Pool, chosen: Sequence[int]) -> list[bool]:
    """Tell for each image of a batch whether it repeats what was there: labelled before, or earlier in the batch.

    Two images are near-duplicates when they come from one sequence and lie at most `FRAMES` frames apart. Where the
    pool has no time order, they are when their thumbnails (`THUMBNAIL` x `THUMBNAIL` pixels, grey) differ by at most
    `GREY_LEVELS` of 255 grey levels on average. Of two near-duplicates in a batch, the second alone is a repeat.

    Args:
        images: the full training set; looked at only where the pool has no time order.
        pool: as it was before the batch.
        chosen: the batch, in order.
    """
    if not chosen:
        return []
    ordered, everything = has_time_order(pool), [*pool.labelled, *chosen]
    places = _frames(pool)[everything] if ordered else _thumbnails(images, everything)
    within = float(FRAMES) if ordered else GREY_LEVELS
    return [
        bool((np.abs(places[:place] - places[place]).mean(axis=1) <= within).any())
        for place in range(len(pool.labelled), len(everything))
    ]


def near_duplicates(images: Images, pool: Pool, chosen: Sequence[int]) -> float:
    """Return the share of a batch that is a near-duplicate of what was there before it, as `repeats` defines it.

    That is: the same sequence and at most `FRAMES` frames apart or, without a time order, thumbnails that differ by at
    most `GREY_LEVELS` grey levels.

    Args:
        images: the full training set; looked at only where the pool has no time order.
        pool: as it was before the batch.
        chosen: the batch, in order.

    Returns:
        A fraction of the batch; 0 for an empty one.
    """
    return sum(repeats(images, pool, chosen)) / max(1, len(chosen))


def has_time_order(pool: Pool) -> bool:
    """Return whether the pool knows each image's sequence and its frame in it."""
    return pool.sequence is not None and pool.frame is not None


def definition(pool: Pool) -> str:
    """Return what counts as a near-duplicate in this pool, as a sentence for the reader."""
    if has_time_order(pool):
        return (
            f"A frame counts as a near-duplicate when a frame of the same scene, at most {FRAMES} frames away, was "
            "labelled before it or stands before it in the same batch."
        )
    return (
        f"An image counts as a near-duplicate when its {THUMBNAIL} x {THUMBNAIL} grey thumbnail differs by at most "
        f"{GREY_LEVELS:g} of 255 grey levels on average from that of an image that was labelled before it or stands "
        "before it in the same batch."
    )


def _frames(pool: Pool) -> npt.NDArray[np.float64]:
    """Return a number per image, (N, 1), such that images of different sequences are never close."""
    frame, sequence = np.asarray(pool.frame, dtype=np.float64), np.asarray(pool.sequence, dtype=np.float64)
    places: npt.NDArray[np.float64] = sequence * (np.ptp(frame) + FRAMES + 1) + frame
    return places[:, None]


def _thumbnails(images: Images, indices: Sequence[int]) -> npt.NDArray[np.float64]:
    """Return the images' grey thumbnails, flat, a row each."""
    size = (THUMBNAIL, THUMBNAIL)
    grey = [Image.fromarray(images.image(index)).convert("L").resize(size, Image.Resampling.BOX) for index in indices]
    return np.stack([np.asarray(image, dtype=np.float64).ravel() for image in grey])
