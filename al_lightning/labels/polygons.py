"""Polygons as pixels, and rectangles of pixels as polygons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from al_lightning.labels.untrusted import Malformed, listed, real

Bits = npt.NDArray[np.bool_]
MOST_POINTS = 100_000


def points_of(values: object, width: int, height: int, scale: tuple[float, float] = (1, 1)) -> npt.NDArray[np.float64]:
    """Check a polygon's points.

    Args:
        values: list of [x, y].
        width: of the image, in pixels.
        height: of the image, in pixels.
        scale: pixels per unit of x and y: (1, 1), or (width / 100, height / 100) for percent.

    Returns:
        (N, 2) float64, x and y in pixels. A point may lie outside the image by its width or height: tools let a
        polygon's corner be pulled over the edge.

    Raises:
        Malformed: there are fewer than three points or far too many, or one is no point near the image.
    """
    points = listed(values, "a polygon")
    if not 3 <= len(points) <= MOST_POINTS:
        raise Malformed(f"a polygon has {len(points)} points; 3 to {MOST_POINTS:,} were expected")
    found = np.empty((len(points), 2))
    sizes = width, height
    for place, point in enumerate(points):
        if not isinstance(point, list) or len(point) != 2:
            raise Malformed("a polygon's point is no [x, y]")
        for axis in (0, 1):
            largest = 2 * sizes[axis] / scale[axis]
            found[place, axis] = real(point[axis], "a polygon's coordinate", -largest / 2, largest) * scale[axis]
    return found


def fill(points: npt.NDArray[np.float64], width: int, height: int) -> Bits:
    """Return the pixels whose centre is inside a polygon, (height, width) bool.

    The corner of the image is (0, 0), the centre of its first pixel (0.5, 0.5). A polygon that winds around a point
    has it inside, however often (the rule of browsers, which people see when they draw).

    Args:
        points: (N, 2), x and y in pixels; the last is joined to the first.
        width: of the image, in pixels.
        height: of the image, in pixels.
    """
    filled = np.zeros((height, width), dtype=bool)
    low, high = points.min(axis=0), points.max(axis=0)
    left, top = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
    right, bottom = min(width, int(high[0]) + 2), min(height, int(high[1]) + 2)
    if left >= right or top >= bottom:
        return filled
    turns = np.zeros((bottom - top, right - left + 1), dtype=np.int32)
    for (x, y), (next_x, next_y) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y == next_y:
            continue
        sign = 1 if y < next_y else -1
        (x, y), (next_x, next_y) = ((x, y), (next_x, next_y))[::sign]
        rows = np.arange(max(top, np.ceil(y - 0.5)), min(bottom, np.ceil(next_y - 0.5)), dtype=np.int64)
        crossings = x + (rows + 0.5 - y) * ((next_x - x) / (next_y - y))
        columns = np.clip(np.ceil(crossings - 0.5).astype(np.int64) - left, 0, right - left)
        turns[rows - top, columns] += sign  # an edge crosses a row once
    filled[top:bottom, left:right] = turns.cumsum(axis=1)[:, :-1] != 0
    return filled


def flat_points(values: object) -> Sequence[list[object]]:
    """Return COCO's [x, y, x, y, ...] as [[x, y], ...].

    Raises:
        Malformed: it is no list, or an odd one.
    """
    numbers = listed(values, "a polygon")
    if len(numbers) % 2:
        raise Malformed("a polygon has an odd number of coordinates")
    return [numbers[place : place + 2] for place in range(0, len(numbers), 2)]
