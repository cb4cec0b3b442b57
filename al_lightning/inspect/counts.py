"""What a choice consists of: its classes, and how much of it says the same twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.inspect.thumbnails import GREY_LEVELS, THUMBNAIL, Flags, Thumbnails
from al_lightning.pool import Pool

FRAMES = 5
"""Frames of one sequence that lie no further apart count as near-duplicates: about a sixth of a second of video."""

_PAIRS = 1 << 21
"""Pairs of images that are compared at a time."""


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


def repeats(images: Images | Thumbnails, pool: Pool, chosen: Sequence[int]) -> list[bool]:
    """Tell for each image of a batch whether it repeats what was there: labelled before, or earlier in the batch.

    Two images are near-duplicates when they come from one sequence and lie at most `FRAMES` frames apart. Where the
    pool has no time order, they are when their thumbnails (`THUMBNAIL` x `THUMBNAIL` pixels, grey) differ by at most
    `GREY_LEVELS` of 255 grey levels on average. Of two near-duplicates in a batch, the second alone is a repeat.

    Args:
        images: the full training set, or its thumbnails; looked at only where the pool has no time order.
        pool: as it was before the batch.
        chosen: the batch, in order.
    """
    if not chosen:
        return []
    everything, size = np.asarray([*pool.labelled, *chosen], dtype=np.int64), len(pool.labelled)
    if has_time_order(pool):
        places = moments(pool)[everything]

        def near(part: slice, before: slice) -> Flags:
            close: Flags = np.abs(places[part, None] - places[before]) <= FRAMES
            return close

    else:
        small = images if isinstance(images, Thumbnails) else Thumbnails(images)

        def near(part: slice, before: slice) -> Flags:
            return small.alike(everything[part], everything[before])

    found: list[bool] = []
    step = max(1, _PAIRS // len(everything))
    for start in range(size, len(everything), step):
        pairs = near(slice(start, start + step), slice(start + step - 1))
        again: Flags = np.asarray(np.tril(pairs, start - 1).any(axis=1))  # each with all before it
        found += again.tolist()
    return found


def near_duplicates(images: Images | Thumbnails, pool: Pool, chosen: Sequence[int]) -> float:
    """Return the share of a batch that is a near-duplicate of what was there before it, as `repeats` defines it.

    That is: the same sequence and at most `FRAMES` frames apart or, without a time order, thumbnails that differ by at
    most `GREY_LEVELS` grey levels.

    Args:
        images: the full training set, or its thumbnails; looked at only where the pool has no time order.
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


def moments(pool: Pool) -> npt.NDArray[np.float64]:
    """Return each image's place on one axis of time, (N,), such that images of different sequences are never close."""
    frame, sequence = np.asarray(pool.frame, dtype=np.float64), np.asarray(pool.sequence, dtype=np.float64)
    places: npt.NDArray[np.float64] = sequence * (np.ptp(frame) + FRAMES + 1) + frame
    return places
