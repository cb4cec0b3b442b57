"""Which images are near-duplicates: the definition, and comparisons of all pairs in tiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from al_lightning.duplicates.descriptor import SCALE, THUMBNAIL, Descriptors, Indices

Reals = npt.NDArray[np.float64]
Similarities = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Advance = Callable[[int, int], None]
"""Called with (done, total) to show progress."""
Compare = Callable[[slice, slice], tuple[Similarities, Flags]]
"""Compares M images with N images, which two slices name: similarities and near-duplicates, (M, N) each."""
NEAR_EDGES = 0.8
"""Least cosine between the edges of near-duplicates."""
NEAR_GREY = 0.875
"""Least cosine between the grey levels of near-duplicates.

At equal brightness and contrast (a standard deviation of 50 grey levels), two 16 x 16 thumbnails then differ by at most
50 * sqrt(2 - 2 * 0.875) = 25 grey levels, root mean square.
"""
LOOK_ALIKE = (
    f"at {THUMBNAIL} x {THUMBNAIL} pixels in grey and at equal brightness and contrast, they differ by at most 25 grey "
    f"levels (root mean square; cosine {NEAR_GREY:g}), and the differences between neighbouring pixels, without the "
    f"outermost ring, agree (cosine {NEAR_EDGES:g} or more)"
)
"""The definition in words, for pages and summaries."""
ALIKE = 0.5
"""Similarity up to which two images count as different in the redundancy score."""
TILE = 1024
"""Images on each side of a tile, which bounds the memory of a comparison of all pairs."""
_SPARSE = 0.01
"""Largest share of a tile's pairs for which grey levels are compared pair by pair: 57 instead of 74 ms for digits."""
_BELOW_1 = np.nextafter(np.float32(1), np.float32(0))


def compare(a: Descriptors, b: Descriptors) -> tuple[Similarities, Flags]:
    """Compare each of M images with each of N images.

    Returns:
        (M, N) similarity: 1 for equal pixels; otherwise the smaller of the cosines of edges and grey levels, below 1,
        and 0 if it is below `ALIKE`.
        (M, N) bool, near-duplicates: equal pixels, or cosines of at least `NEAR_EDGES` and `NEAR_GREY`.
    """
    similarity, near = _look_alike(a, b)
    np.minimum(similarity, _BELOW_1, out=similarity)  # cosines of rounded vectors may exceed 1
    equal = a.pixels[:, None] == b.pixels
    similarity[equal] = 1
    return similarity, near | equal


def _look_alike(a: Descriptors, b: Descriptors) -> tuple[Similarities, Flags]:
    unit = np.float32(1 / SCALE**2)
    edges = (a.edges.astype(np.float32) @ b.edges.astype(np.float32).T) * unit
    near = edges >= NEAR_EDGES
    rows, columns = np.nonzero(edges >= ALIKE)
    if len(rows) > _SPARSE * edges.size:
        grey = (a.grey.astype(np.float32) @ b.grey.astype(np.float32).T) * unit
        similarity = np.minimum(edges, grey)
        similarity[similarity < ALIKE] = 0
        return similarity, near & (grey >= NEAR_GREY)
    grey = np.einsum("ij,ij->i", a.grey[rows].astype(np.float32), b.grey[columns].astype(np.float32)) * unit
    near[rows, columns] &= grey >= NEAR_GREY
    least = np.minimum(edges[rows, columns], grey)
    similarity = np.zeros_like(edges)
    similarity[rows, columns] = np.where(least >= ALIKE, least, 0)
    return similarity, near


def nearest(images: Descriptors, others: Descriptors, advance: Advance | None = None) -> tuple[Indices, Reals]:
    """Find the most similar near-duplicate of each of M images among N others.

    Returns:
        (M,) int64 positions, -1 for none, the first of equals; (M,) float64 similarities.
    """
    return nearest_by(len(images), len(others), comparing(images, others), advance)


def nearest_by(size: int, others: int, compare: Compare, advance: Advance | None = None) -> tuple[Indices, Reals]:
    """Find near-duplicates as `nearest` does, by a function that compares tiles of M images and N others."""
    place, best = np.full(size, -1), np.full(size, -1.0)
    for start in range(0, size, TILE):
        rows = slice(start, min(start + TILE, size))
        for first in range(0, others, TILE):
            similarity, near = compare(rows, slice(first, first + TILE))
            keep_nearest(similarity, near, first, place[rows], best[rows])
        if advance is not None:
            advance(rows.stop, size)
    return place, best


def comparing(images: Descriptors, others: Descriptors) -> Compare:
    """Return the function that compares tiles of images with tiles of others."""
    return lambda rows, columns: compare(images[rows], others[columns])


def keep_nearest(similarity: Similarities, near: Flags, start: int, place: Indices, best: Reals) -> None:
    """Update the most similar near-duplicate of each row by a tile, in place.

    Args:
        similarity: (M, N).
        near: (M, N), which pairs count.
        start: position of the first column.
        place: (M,) positions, updated.
        best: (M,) similarities, updated.
    """
    scores = np.where(near, similarity, np.float32(-1))
    column = scores.argmax(axis=1)
    score = scores[np.arange(len(column)), column].astype(np.float64)
    better = score > best
    best[better] = score[better]
    place[better] = start + column[better]
