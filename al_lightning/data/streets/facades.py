"""The houses and hedges beside the street: distance and material at the end of each sub-pixel's ray.

The rays of a column of sub-pixels end at one facade. Its place is computed once, for all rows. `types.py` explains the
places d, s, y and z.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from al_lightning.data.streets.surfaces import AIR, FACADES, GLASS, LEAVES, LIT, SHOP, textures
from al_lightning.data.streets.types import FAR, Array, Camera, Floats, Scene, Segment


class _Wall(NamedTuple):
    """Distance, place and segment at the end of each column's ray on one side; (columns,) arrays."""

    z: Floats
    along: Floats
    segment: npt.NDArray[np.intp]


class _Facades(NamedTuple):
    """What stands at the end of each column's ray; (columns,) arrays.

    Attributes:
        z: distance, in metres.
        along: place along the facade, in metres.
        number: number of the segment, by which its materials are counted; the skyline has the last number.
        skyline: whether the ray reaches the skyline at the end of the street.
        hedge: whether the segment is a hedge.
        top: height of the facade, in metres.
        pitch: distance of its windows, in metres.
        floor: height of its floors, in metres.
        eaves: height of its roof's edge, in metres.
        shop: whether it has a shop.
    """

    z: Floats
    along: Floats
    number: npt.NDArray[np.intp]
    skyline: npt.NDArray[np.bool_]
    hedge: npt.NDArray[np.bool_]
    top: Floats
    pitch: Floats
    floor: Floats
    eaves: Floats
    shop: npt.NDArray[np.bool_]


def facades(scene: Scene, camera: Camera, rows: Floats, columns: Floats) -> tuple[Array, Floats, Floats, Floats]:
    """Return each sub-pixel's material without the ground, (z, along) of each column, and each sub-pixel's height."""
    seen = _seen(scene, camera, columns)
    y = camera.eye - (rows[:, None] - camera.v) * (seen.z / camera.focal)
    base = (FACADES + 3 * seen.number).astype(np.uint8)
    material = np.broadcast_to(base, y.shape).copy()
    _draw_windows(material, seen, y, scene, camera)
    np.copyto(material, base + np.uint8(2), where=(y > seen.top - seen.eaves) & ~seen.skyline)  # roofs
    material[:, seen.hedge] = LEAVES
    if not scene.skyline[1]:
        material[:, seen.skyline] = LEAVES
    np.copyto(material, np.uint8(AIR), where=y > seen.top)
    return material, seen.z.astype(np.float32), seen.along.astype(np.float32), y.astype(np.float32, copy=False)


def _seen(scene: Scene, camera: Camera, columns: Floats) -> _Facades:
    """Return what the ray of each column ends at: the nearer of the two sides, or the skyline."""
    slope = (columns - camera.u) / camera.focal
    left, right = _wall(scene, camera, -1, slope), _wall(scene, camera, 1, slope)
    nearer = right.z < left.z
    z, along = np.where(nearer, right.z, left.z), np.where(nearer, right.along, left.along)
    segments = [*scene.sides[0], *scene.sides[1], Segment("house", 0, scene.skyline[0])]
    number = np.where(nearer, right.segment + len(scene.sides[0]), left.segment)
    skyline = z > FAR
    number[skyline] = len(segments) - 1
    z = np.where(skyline, np.float32(FAR), z)
    along = np.where(skyline, columns * np.float32(0.4), along)
    hedge = np.array([segment.kind == "hedge" for segment in segments])[number]
    top = np.array([segment.top for segment in segments], np.float32)[number]
    pitch, floor, eaves = (
        np.array([getattr(segment, name) for segment in segments], np.float32)[number]
        for name in ("pitch", "floor", "eaves")
    )
    shop = np.array([segment.shop for segment in segments])[number]
    top = (top * _unevenness(along, hedge, skyline, scene.seed)).astype(np.float32)
    return _Facades(z, along, number, skyline, hedge, top, pitch, floor, eaves, shop)


def _wall(scene: Scene, camera: Camera, side: int, slope: Floats) -> _Wall:
    """Return the ends of rays at the facades of one side; a ray through a gap ends at the front of the next house.

    Args:
        scene: the scene.
        camera: the camera.
        side: -1 for the left side, 1 for the right side.
        slope: metres that the ray of each column goes to the right per metre ahead, (columns,).
    """
    segments = scene.sides[side > 0]
    offset = side * (scene.half_width + scene.verge + scene.walk) - camera.d
    # At distance z the facade is `offset + bend z^2` to the right of the camera, and the ray `slope z`.
    root = np.sqrt(np.maximum(slope * slope - 4 * camera.bend * offset, 0))
    divisor = side * slope + root
    meets = (divisor > 1e-4) & (slope * slope >= 4 * camera.bend * offset)
    z = np.where(meets, 2 * side * offset / np.maximum(divisor, 1e-4), 1e4)
    along = z + camera.s
    starts = np.array([segment.start for segment in segments])
    number = np.maximum(np.searchsorted(starts, along, side="right") - 1, 0)
    in_gap = np.array([segment.kind == "gap" for segment in segments])[number]
    following = np.minimum(number + 1, len(segments) - 1)
    front = np.maximum(starts[following] - camera.s, 0.5)
    from_corner = np.abs(slope * front - camera.bend * front * front - offset)
    return _Wall(
        np.where(in_gap, front, z).astype(np.float32),
        np.where(in_gap, from_corner, along).astype(np.float32),
        np.where(in_gap, following, number),
    )


def _unevenness(
    along: Floats, hedge: npt.NDArray[np.bool_], skyline: npt.NDArray[np.bool_], seed: int
) -> npt.NDArray[np.floating[Any]]:
    """Return the factor of each column's height: hedges are ragged, and the skyline has blocks of different heights."""
    chance = textures().chance
    bush = along * 0.7 + seed
    bushes = bush.astype(np.int64)
    swell = chance[bushes & 1023] + (bush - bushes) * (chance[bushes + 1 & 1023] - chance[bushes & 1023])
    ragged = swell + 0.4 * chance[(along * 5).astype(np.int64) & 1023] - 0.7
    blocks = chance[(along // 4).astype(np.int64) + seed & 1023]
    return np.where(hedge, 1 + 0.3 * ragged, np.where(skyline, 0.6 + 0.6 * blocks, 1))


def _draw_windows(
    material: Array, seen: _Facades, y: npt.NDArray[np.floating[Any]], scene: Scene, camera: Camera
) -> None:
    """Write the trim between floors, the windows and the shop fronts of houses into the material of each sub-pixel."""
    chance = textures().chance
    # Windows narrower than four sub-pixels would flicker, so they are not drawn.
    windowed = (seen.pitch * camera.focal / seen.z > 4) & ~seen.skyline & ~seen.hedge
    across = seen.along / seen.pitch
    column_of = np.floor(across)
    from_middle = np.abs(across - column_of - 0.5)
    up = (y - 0.9) / seen.floor
    floor_of = np.floor(up)
    up -= floor_of
    material += windowed & (up > 0.9)
    window = windowed & (from_middle < 0.24) & (np.abs(up - 0.42) < 0.27) & (y < seen.top - seen.eaves - 0.3)
    panes = np.where(chance < scene.light.lit, LIT, GLASS + (chance * 8).astype(np.uint8)).astype(np.uint8)
    inside = np.flatnonzero(window)
    key = (column_of * 37 + seen.number * 101 + scene.seed).astype(np.int64)[inside % len(across)]
    np.put(material, inside, panes[key + 17 * np.take(floor_of, inside).astype(np.int64) & 1023])
    front = windowed & seen.shop & (from_middle < 0.42)
    np.copyto(material, np.uint8(LIT if scene.light.lit > 0.15 else SHOP), where=front & (y > 0.3) & (y < 2.7))
