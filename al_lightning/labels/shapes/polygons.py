"""Polygons as pixels: a check of their points, and filling. Polygons without area are left out, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, cycle
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from al_lightning.labels.shapes.region import Bits, Region
from al_lightning.labels.untrusted import Malformed, listed, numbers_of, real

Points = npt.NDArray[np.float64]
MOST_POINTS = 100_000
"""Of one polygon; tools simplify outlines to hundreds."""
MOST_POINTS_OF_REGION = 1_000_000
"""Of all polygons of one region: while they are filled, an edge takes some hundred bytes."""
CROSSINGS, CELLS = 1 << 18, 1 << 22
"""Crossings of edges with rows, and pixels, that are processed together: at most some 60 MB."""

SMALLEST_AREA = 1e-9
"""Of a polygon, in square pixels; points on a line have an area of rounding errors."""


class Polygons(NamedTuple):
    """Checked polygons of one region.

    Attributes:
        points: (N, 2) float64, x and y in pixels, polygon after polygon; each polygon's last point is joined to its
            first.
        sizes: (P,) int64, number of points of each polygon, at least 3.
        left_out: number of polygons without area, which are in neither: of one or two points, or on a line.
    """

    points: Points
    sizes: npt.NDArray[np.int64]
    left_out: int = 0


def polygon_of(values: object, width: int, height: int, scale: tuple[float, float] = (1, 1)) -> Polygons:
    """Check a polygon's points.

    Args:
        values: list of [x, y].
        width: of the image, in pixels.
        height: of the image, in pixels.
        scale: pixels per unit of x and y: (1, 1), or (width / 100, height / 100) for percent.

    Returns:
        The polygon, in pixels. A point may lie outside the image by its width or height, since tools let people draw
        over the edge. A polygon without area is left out.

    Raises:
        Malformed: there are too many points, or a point is no point near the image.
    """
    points = listed(values, "a polygon")
    if not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise Malformed("a polygon's point is no [x, y]")
    return flat_polygons([list(chain.from_iterable(points))], width, height, scale)


def flat_polygons(parts: Sequence[object], width: int, height: int, scale: tuple[float, float] = (1, 1)) -> Polygons:
    """Check COCO's polygons of a region, each [x, y, x, y, ...], as `polygon_of` does.

    Raises:
        Malformed: a polygon is wrong, or all together have too many points.
    """
    lists = [listed(part, "a polygon") for part in parts]
    for count in map(len, lists):
        if count % 2:
            raise Malformed("a polygon has an odd number of coordinates")
        if count // 2 > MOST_POINTS:
            raise Malformed(f"a polygon has {count // 2:,} points; at most {MOST_POINTS:,} are read")
    sizes = np.array([len(part) // 2 for part in lists], dtype=np.int64)
    if (total := int(sizes.sum())) > MOST_POINTS_OF_REGION:
        raise Malformed(f"an annotation's polygons have {total:,} points; at most {MOST_POINTS_OF_REGION:,} are read")
    values = list(chain.from_iterable(lists))
    largest = 2 * np.array([width, height]) / scale
    numbers = numbers_of(values)
    points = None if numbers is None else numbers.reshape(-1, 2)
    if points is None or not ((points >= -largest / 2) & (points <= largest)).all():  # False for NaN
        # One by one, so that the message names the wrong value.
        bounds = cycle(largest.tolist())
        checked = [
            real(value, "a polygon's coordinate", -most / 2, most) for value, most in zip(values, bounds, strict=False)
        ]
        points = np.array(checked).reshape(-1, 2)
    return _with_area(Polygons(points * scale, sizes))


def _with_area(polygons: Polygons) -> Polygons:
    """Leave out the polygons whose triangles from the first point to each edge have no area."""
    points, sizes, _ = polygons
    polygon = np.repeat(np.arange(len(sizes)), sizes)
    x, y = (points - points[np.repeat(np.cumsum(sizes) - sizes, sizes)]).T
    # Between two polygons stands the first point of the second one, with x and y of 0.
    triangles = np.abs(x[:-1] * y[1:] - x[1:] * y[:-1])
    kept = np.bincount(polygon[:-1], triangles, minlength=len(sizes)) > 2 * SMALLEST_AREA
    return Polygons(points[kept[polygon]], sizes[kept], int(np.count_nonzero(~kept)))


def fill(polygons: Polygons, width: int, height: int) -> Region:
    """Return the pixels of an image, `width` x `height`, whose centre is inside at least one of the polygons.

    The corner of the image is (0, 0), the centre of its first pixel (0.5, 0.5). A point is inside where the polygon
    winds around it (the nonzero rule, which browsers use while people draw).

    All polygons are filled together, some rows at a time, so that the memory is bounded for any number of edges and any
    size of the image.
    """
    if not len(polygons.sizes):
        return Region(np.zeros((0, 0), dtype=bool), left_out=polygons.left_out)
    low, high = polygons.points.min(axis=0), polygons.points.max(axis=0)
    left, top = max(0, int(low[0]) - 1), max(0, int(low[1]) - 1)
    right, bottom = min(width, int(high[0]) + 2), min(height, int(high[1]) + 2)
    if left >= right or top >= bottom:
        return Region(np.zeros((0, 0), dtype=bool), left_out=polygons.left_out)
    edges = _edges(polygons, top, bottom)
    begun = np.bincount(edges.begin - top, minlength=bottom - top + 1)
    crossings = np.cumsum(np.cumsum(begun - np.bincount(edges.end - top, minlength=bottom - top + 1)))
    bits = np.zeros((bottom - top, right - left), dtype=bool)
    rows = max(1, CELLS // (right - left + 1))
    row, before = 0, 0
    while row < len(bits):
        enough = int(np.searchsorted(crossings, before + CROSSINGS, side="right"))
        stop = min(len(bits), row + rows, max(row + 1, enough))
        _fill_rows(edges, top + row, left, bits[row:stop])
        row, before = stop, int(crossings[stop - 1])
    return Region(bits, top, left, polygons.left_out)


class _Edges(NamedTuple):
    """Edges that cross a row of pixel centres: (E,) arrays.

    Attributes:
        polygon: number of the polygon.
        x: column of the upper end.
        y: row of the upper end.
        slope: columns per row.
        sign: 1 where the polygon's outline goes down along the edge, else 0.
        begin: first row that the edge crosses.
        end: row after the last one.
    """

    polygon: npt.NDArray[np.int64]
    x: Points
    y: Points
    slope: Points
    sign: npt.NDArray[np.int64]
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


def _edges(polygons: Polygons, top: int, bottom: int) -> _Edges:
    points, sizes, _ = polygons
    ends = np.cumsum(sizes)
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = ends - sizes
    down = points[:, 1] < points[following, 1]
    upper = np.where(down[:, None], points, points[following])
    lower = np.where(down[:, None], points[following], points)
    begin, end = (np.clip(np.ceil(y - 0.5), top, bottom).astype(np.int64) for y in (upper[:, 1], lower[:, 1]))
    crossing = begin < end  # False for a horizontal edge
    (x, y), (next_x, next_y) = upper[crossing].T, lower[crossing].T
    polygon = np.repeat(np.arange(len(sizes)), sizes)[crossing]
    slope = (next_x - x) / (next_y - y)
    return _Edges(polygon, x, y, slope, down[crossing].astype(np.int64), begin[crossing], end[crossing])


def _fill_rows(edges: _Edges, first: int, left: int, bits: Bits) -> None:
    """Fill (h, w) bits: rows of the image from `first` on, columns from `left` on."""
    height, width = bits.shape[0], bits.shape[1] + 1
    begin, end = np.maximum(edges.begin, first), np.minimum(edges.end, first + height)
    crossing = np.flatnonzero(begin < end)
    begin, counts = begin[crossing], (end - begin)[crossing]
    # An event for each row that an edge crosses: polygon, row, first column to the right of the edge, and direction.
    edge = np.repeat(crossing, counts)
    rows = np.arange(len(edge)) + np.repeat(begin - (np.cumsum(counts) - counts), counts)
    crossings = edges.x[edge] + (rows + 0.5 - edges.y[edge]) * edges.slope[edge]
    columns = np.clip(np.ceil(crossings - 0.5) - left, 0, width - 1).astype(np.int64)
    order = 2 * ((edges.polygon[edge] * height + rows - first) * width + columns) + edges.sign[edge]
    order.sort()
    # In each row a polygon goes down as often as up, so that the sum is 0 again where the next row or polygon begins.
    inside = np.cumsum(2 * (order & 1) - 1) != 0
    changed = np.flatnonzero(inside != np.concatenate([[False], inside[:-1]]))
    # Begins and ends of the runs inside a polygon; polygons may overlap.
    cells = (order[changed] >> 1) % (height * width)
    depth = np.zeros(height * width, dtype=np.int32)
    np.add.at(depth, cells, np.where(inside[changed], 1, -1).astype(np.int32))
    np.cumsum(depth, out=depth)
    np.greater(depth.reshape(height, width)[:, :-1], 0, out=bits)
