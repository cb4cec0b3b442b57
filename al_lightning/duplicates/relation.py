"""Which images are near-duplicates of each other: the one definition, for every pair, a tile of pairs at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from al_lightning.duplicates.descriptor import SCALE, THUMBNAIL, Descriptors, Indices

Reals = npt.NDArray[np.float64]
Similarities = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Advance = Callable[[int, int], None]
"""Is told (done, total) now and then."""
NEAR_EDGES = 0.8
"""Near-duplicates agree in their edges at least so far: the cosine between them."""
NEAR_GREY = 0.875
"""And in their grey levels so far. At equal brightness and contrast (a standard deviation of 50 grey levels), the two
16 x 16 thumbnails then differ by at most 50 * sqrt(2 - 2 * 0.875) = 25 grey levels, root mean square."""
LOOK_ALIKE = (
    f"at {THUMBNAIL} x {THUMBNAIL} pixels in grey, with brightness and contrast made equal, they differ by at most 25 "
    f"grey levels (root mean square; cosine {NEAR_GREY:g}), and the differences between neighbouring pixels, the "
    f"outermost ring aside, agree (cosine {NEAR_EDGES:g} or more)"
)
"""The definition in words, for pages and summaries."""
ALIKE = 0.5
"""Similarity from which two images count as alike at all in the redundancy score."""
TILE = 1024
"""Images of a side of the tiles in which sets are compared, so that memory does not grow with the number of pairs."""
_SPARSE = 0.01
"""Share of a tile's pairs up to which grey levels are compared pair by pair."""
_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


def compare(a: Descriptors, b: Descriptors) -> tuple[Similarities, Flags]:
    """Compare each of some images with each of some others.

    Args:
        a: of M images.
        b: of N images.

    Returns:
        (M, N) similarity: 1 where pixels are equal, otherwise the lesser of the cosines of edges and grey levels, below
        1, and 0 where that is below `ALIKE`; and (M, N) bool, whether they are near-duplicates: equal pixels, or
        cosines of at least `NEAR_EDGES` and `NEAR_GREY`.
    """
    found, near = _look_alike(a, b)
    np.minimum(found, _BELOW_1, out=found)  # cosines of rounded vectors may exceed 1
    equal = a.pixels[:, None] == b.pixels
    found[equal] = 1
    return found, near | equal


def _look_alike(a: Descriptors, b: Descriptors) -> tuple[Similarities, Flags]:
    unit = np.float32(1 / SCALE**2)
    found = (a.edges.astype(np.float32) @ b.edges.astype(np.float32).T) * unit
    near = found >= NEAR_EDGES
    rows, columns = np.nonzero(found >= ALIKE)
    if len(rows) > _SPARSE * found.size:
        grey = (a.grey.astype(np.float32) @ b.grey.astype(np.float32).T) * unit
        near &= grey >= NEAR_GREY
        found = np.minimum(found, grey)
        found[found < ALIKE] = 0
        return found, near
    pairs = np.einsum("ij,ij->i", a.grey[rows].astype(np.float32), b.grey[columns].astype(np.float32)) * unit
    near[rows, columns] &= pairs >= NEAR_GREY
    least = np.minimum(found[rows, columns], pairs)
    found[:] = 0
    found[rows, columns] = np.where(least >= ALIKE, least, 0)
    return found, near


def nearest(images: Descriptors, others: Descriptors, advance: Advance | None = None) -> tuple[Indices, Reals]:
    """Find for each of M images its most similar near-duplicate among N others.

    Returns:
        (M,) int64 positions, -1 where there is none, the first of equals; (M,) float64 similarities.
    """
    place, best = np.full(len(images), -1), np.full(len(images), -1.0)
    for start in range(0, len(images), TILE):
        rows = slice(start, min(start + TILE, len(images)))
        for other in range(0, len(others), TILE):
            found, near = compare(images[rows], others[slice(other, other + TILE)])
            keep_nearest(found, near, other, place[rows], best[rows])
        if advance is not None:
            advance(rows.stop, len(images))
    return place, best


def keep_nearest(found: Similarities, near: Flags, start: int, place: Indices, best: Reals) -> None:
    """Update each row's most similar near-duplicate by a tile, in place.

    Args:
        found: (M, N) similarities.
        near: (M, N), which pairs count.
        start: position of the first column.
        place: (M,) positions so far.
        best: (M,) similarities so far.
    """
    scores = np.where(near, found, np.float32(-1))
    column = scores.argmax(axis=1)
    score = scores[np.arange(len(column)), column].astype(np.float64)
    better = score > best
    best[better] = score[better]
    place[better] = start + column[better]
