"""Polygons as pixels: worked out by hand, and the same as filling them one after the other, edge by edge."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from al_lightning.labels.content import IGNORED
from al_lightning.labels.import_result import Annotations
from al_lightning.labels.shapes import polygons as module
from al_lightning.labels.shapes.polygons import SMALLEST_AREA, Polygons, fill, flat_polygons, polygon_of
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.untrusted import Malformed, real
from tests.support.errors import raises


def reference(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """One polygon, edge by edge: what the pixels inside are."""
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


def whole(region: Region, width: int, height: int) -> np.ndarray:
    made = np.zeros((height, width), bool)
    region.of(made)[:] = region.bits
    return made


def together(parts: Sequence[np.ndarray]) -> Polygons:
    return Polygons(np.concatenate(parts), np.array([len(part) for part in parts]))


def filled(points: np.ndarray, width: int, height: int) -> np.ndarray:
    return whole(fill(together([points]), width, height), width, height)


def test_polygons_worked_out_by_hand() -> None:
    square = filled(np.array([[1.0, 1], [3, 1], [3, 3], [1, 3]]), 5, 4)
    assert np.argwhere(square).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    # Centres (x + 0.5, y + 0.5) with a sum below 4: three, two, one, none.
    assert filled(np.array([[0.0, 0], [4, 0], [0, 4]]), 5, 4).sum(axis=1).tolist() == [3, 2, 1, 0]
    outside = filled(np.array([[-3.0, -3], [9, -3], [9, 9], [-3, 9]]), 5, 4)
    assert outside.all()
    assert not filled(np.array([[7.0, 1], [9, 1], [9, 3]]), 5, 4).any()
    # Wound around twice is inside; so is what lies between a figure's two ways round.
    twice = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]] * 2)
    assert filled(twice, 5, 4).sum() == 16
    # Two polygons in opposite directions are two: where they lie over each other is inside, and no hole.
    assert whole(fill(together([twice[:4], twice[3::-1]]), 5, 4), 5, 4).sum() == 16


@given(st.integers(0, 7), st.integers(0, 7), st.integers(1, 8), st.integers(1, 8), st.booleans())
def test_a_rectangle_of_pixels_is_itself(x: int, y: int, wide: int, high: int, backwards: bool) -> None:
    points = np.array([[x, y], [x + wide, y], [x + wide, y + high], [x, y + high]], float)
    expected = np.zeros((10, 12), bool)
    expected[y : y + high, x : x + wide] = True
    assert (filled(points[::-1] if backwards else points, 12, 10) == expected).all()


# Corners and centres of pixels and what is between; few values, so that edges are level, upright, and the same twice.
coordinate = st.one_of(
    st.integers(-6, 44).map(lambda number: number / 2),
    st.sampled_from([-1e6, -20.0, 0.1, 0.49999999999999994, 4.500000000000001, 40.0, 1e6]),
    st.floats(-25, 50),
)
polygon = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12).map(
    lambda points: np.array(points, float)
)
tiny = st.tuples(coordinate, coordinate, st.floats(1e-9, 1)).map(
    lambda place: np.array(place[:2]) + place[2] * np.array([[0, 0], [1, 0.2], [0.3, 1]])
)
several = st.lists(st.one_of(polygon, tiny), min_size=1, max_size=6)
side = st.integers(1, 21)


@pytest.mark.filterwarnings("ignore:overflow encountered")  # of the reference, on edges that cross no row
@pytest.mark.parametrize("bounds", [(1 << 18, 1 << 22), (3, 1 << 22), (1 << 18, 40), (1, 1)])
@given(several, side, side)
@example([np.array([[0, 0], [10, 10], [10, 0], [0, 10]], float)], 10, 10)  # crosses itself
@example([np.array([[0, 0.5], [9, 0.5], [9, 1.5], [0, 1.5]])], 9, 3)  # along centres
@example([np.array([[2, 1], [2, 1], [2, 1]], float)], 9, 3)  # a point
def test_all_at_once_are_as_one_by_one(bounds, parts: list[np.ndarray], width: int, height: int) -> None:
    expected = np.zeros((height, width), bool)
    for part in parts:
        expected |= reference(part, width, height)
    with pytest.MonkeyPatch.context() as patch:  # whatever the number of crossings and pixels at a time
        patch.setattr(module, "CROSSINGS", bounds[0])
        patch.setattr(module, "CELLS", bounds[1])
        assert np.array_equal(whole(fill(together(parts), width, height), width, height), expected)


def measured(polygons: Polygons, width: int, height: int) -> tuple[Region, float]:
    """Fill; return the peak of memory beside the result, in MB."""
    tracemalloc.start()
    region = fill(polygons, width, height)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return region, (peak - region.bits.nbytes) / 1e6


def test_memory_is_bounded_for_a_polygon_of_many_points_over_a_tall_image() -> None:
    draw = np.random.default_rng(0)
    points = draw.uniform(0, 1, (100_000, 2)) * (30, 220)  # 7 million crossings, which at once would take 700 MB
    points[0, 1], points[1, 1] = -60_000, 120_000
    region, megabytes = measured(together([points]), 30, 60_000)
    assert megabytes < 100
    assert np.array_equal(whole(region, 30, 60_000), reference(points, 30, 60_000))


def test_memory_and_time_are_bounded_for_many_large_polygons() -> None:
    draw = np.random.default_rng(0)
    expected, parts = np.zeros((1500, 2000), bool), []
    for _ in range(5000):  # 8 million crossings
        (x, wide), (y, high) = (np.sort(draw.integers(0, side, 2)).tolist() for side in (2000, 1500))
        expected[y:high, x:wide] = True
        parts.append(np.array([[x, y], [wide, y], [wide, high], [x, high]], float))
    begun = time.monotonic()
    region, megabytes = measured(together(parts), 2000, 1500)
    assert (megabytes < 100, time.monotonic() - begun < 20) == (True, True)
    assert np.array_equal(whole(region, 2000, 1500), expected)


# What is a polygon, and what is none.


def one_by_one(values: list, width: int, height: int, scale: tuple[float, float]) -> np.ndarray:
    """A polygon's points, each looked at by itself."""
    found = np.empty((len(values), 2))
    sizes = width, height
    if not all(isinstance(point, list) and len(point) == 2 for point in values):
        raise Malformed("a polygon's point is no [x, y]")
    for place, point in enumerate(values):
        for axis in (0, 1):
            largest = 2 * sizes[axis] / scale[axis]
            found[place, axis] = real(point[axis], "a polygon's coordinate", -largest / 2, largest) * scale[axis]
    return found


odd = st.sampled_from(
    [True, None, "1", [], {}, math.nan, math.inf, -math.inf, 10**400, -(10**40), 1e308, 2**53 + 1, -5, 10, -5.000000001]
)
number = st.one_of(st.integers(-5, 10), st.floats(-5, 10, width=32), st.integers(0, 4), odd)
point = st.one_of(st.lists(number, min_size=2, max_size=2), st.lists(number, max_size=3), odd)
fine = st.one_of(st.integers(-4, 8), st.floats(-4, 8))
good = st.lists(st.lists(fine, min_size=2, max_size=2), min_size=3, max_size=9)
flat = st.one_of(st.lists(fine, min_size=6, max_size=6), st.lists(number, max_size=9), odd)


def outcome(call, *arguments: object) -> object:
    try:
        return np.asarray(call(*arguments)).tolist()
    except Malformed as error:
        return str(error)


def has_area(points: np.ndarray) -> bool:
    """Whether the triangles from a polygon's first point to its edges have an area, in exact numbers."""
    exact = [(Fraction(x), Fraction(y)) for x, y in points.tolist()]
    areas = [
        abs((x - exact[0][0]) * (v - exact[0][1]) - (u - exact[0][0]) * (y - exact[0][1])) / 2
        for (x, y), (u, v) in pairwise(exact)
    ]
    return sum(areas) > SMALLEST_AREA


@given(st.one_of(good, st.lists(point, max_size=9)), st.sampled_from([(1, 1), (0.05, 0.04), (3, 7)]))
def test_points_are_what_each_by_itself_is_and_refused_with_the_same_words(values: list, scale: tuple) -> None:
    def quick(*arguments: object) -> np.ndarray:
        points, sizes, left_out = polygon_of(*arguments)
        assert (len(sizes), left_out) in ((1, 0), (0, 1))
        return points

    def slow(*arguments: object) -> np.ndarray:
        points = one_by_one(*arguments)
        return points if has_area(points) else points[:0]

    assert outcome(quick, values, 5, 4, scale) == outcome(slow, values, 5, 4, scale)


@given(st.lists(flat, min_size=1))
def test_flat_polygons_are_what_each_by_itself_is(parts: list) -> None:
    kept: list[int] = []

    def quick() -> np.ndarray:
        points, sizes, left_out = flat_polygons(parts, 5, 4)
        kept[:] = sizes.tolist()
        assert left_out == len(parts) - len(sizes)
        return points

    def slow() -> list:
        if not all(isinstance(part, list) for part in parts):
            raise Malformed("a polygon is no list")
        for part in parts:
            if len(part) % 2:
                raise Malformed("a polygon has an odd number of coordinates")
        pairs = [[part[place : place + 2] for place in range(0, len(part), 2)] for part in parts]
        polygons = [one_by_one(part, 5, 4, (1, 1)) for part in pairs]
        with_area = [points for points in polygons if has_area(points)]
        sizes[:] = map(len, with_area)
        return np.concatenate([*with_area, np.empty((0, 2))]).tolist()

    sizes: list[int] = []
    assert outcome(quick) == outcome(slow)
    assert kept == sizes


half = st.integers(-6, 20).map(lambda number: number / 2)


@given(st.lists(st.lists(half, max_size=5).map(lambda values: values + values[::-1]), min_size=1, max_size=4))
def test_polygons_that_are_left_out_label_no_pixel(parts: list[list[float]]) -> None:
    """Coordinates that are the same forwards and backwards: many polygons lie on a line."""
    expected = np.zeros((8, 9), bool)
    for part in parts:
        if len(part) > 4:
            expected |= reference(np.array(part).reshape(-1, 2), 9, 8)
    polygons = flat_polygons(parts, 9, 8)
    region = fill(polygons, 9, 8)
    assert (whole(region, 9, 8) == expected).all()
    assert region.left_out == polygons.left_out == len(parts) - len(polygons.sizes)
    assert polygons.left_out >= sum(len(part) <= 4 for part in parts)


@pytest.mark.parametrize(
    ("points", "facts"),
    [
        ([[0, float("nan")]], ["coordinate", "nan"]),
        ([[0, 0], ["1", 1]], ["coordinate", "'1'"]),
        ([[0, 0], [1, 1], [1]], ["[x, y]"]),
        ([[0, 0], [1, 1], ["1", 2]], ["coordinate", "'1'"]),
        ([[0, 0], [1, 1], [[3, 4], 2]], ["coordinate", "[3, 4]"]),
        ([[0, 0], [1, 1], [True, 2]], ["coordinate", "True"]),
        ([[0, 0], [1, 1], [float("nan"), 2]], ["coordinate", "nan", "-5 and 10"]),
        ([[0, 0], [1, 1], [10**40, 2]], ["coordinate", "-5 and 10"]),
        ([[0, 0], [1, 1], [-7, 2]], ["coordinate", "-7", "-5 and 10"]),
        ([[0, 0]] * 100_001, ["100,001 points", 100_000]),
        ("points", ["a polygon", "list"]),
    ],
)
def test_a_broken_polygon_is_said(points: object, facts: list[object]) -> None:
    with raises(Malformed, *facts):
        polygon_of(points, 5, 4)


def test_a_region_of_too_many_points_is_said() -> None:
    with raises(Malformed, 1_100_000, 1_000_000):
        flat_polygons([[0.5] * 200_000] * 11, 5, 4)


def test_percent_are_scaled() -> None:
    points, sizes, left_out = polygon_of([[0, 0], [50, 0], [50, 100]], 40, 20, (0.4, 0.2))
    assert (points.tolist(), sizes.tolist(), left_out) == ([[0, 0], [20, 0], [20, 20]], [3], 0)


def test_polygons_of_one_or_two_points_or_on_a_line_have_no_area() -> None:
    box = [1, 1, 4, 1, 4, 3, 1, 3]
    bow = [0, 0, 4, 4, 4, 0, 0, 4]  # its two triangles wind in opposite directions, and cover pixels all the same
    parts = [[], [2, 2], box, [1, 1, 4, 4], [0, 0, 1, 1, 3, 3], bow, [2, 2] * 5, [1, 0, 3, 0, 1, 0, 2, 2]]
    points, sizes, left_out = flat_polygons(parts, 5, 4)
    assert (sizes.tolist(), left_out) == ([4, 4], 6)
    assert points.ravel().tolist() == box + bow
    assert fill(flat_polygons([[2, 2]], 5, 4), 5, 4).bits.size == 0


# What lies on top.

shape = st.builds(
    lambda top, left, bits: Region(np.array(bits, bool).reshape(2, 3)[: 6 - top, : 7 - left], top, left),
    st.integers(0, 4),
    st.integers(0, 5),
    st.lists(st.booleans(), min_size=6, max_size=6),
)


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, IGNORED]), shape), max_size=8), st.sampled_from([None, 1]))
def test_smaller_regions_lie_on_top_as_if_sorted(regions: list[tuple[int, Region]], background: int | None) -> None:
    def painted(by_size: bool) -> object:
        annotations = Annotations({"x": (7, 6)}, ["a", "b", "c"], "pixel", background)
        try:
            if by_size:
                annotations.paint_by_size("x", iter(regions))
            else:
                annotations.paint("x", sorted(regions, key=lambda one: -one[1].bits.sum()))
        except Malformed as error:
            return str(error)
        annotations.note_inferred("x")
        found = annotations.settle("stop")
        return {name: np.asarray(label).tolist() for name, label in found.labels.items()}, found.notes

    assert painted(True) == painted(False)
