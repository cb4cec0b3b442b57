"""The houses and hedges beside the street: distance and material at the end of each pixel's ray."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from al_lightning.data.streets.surfaces import AIR, FACADES, GLASS, LEAVES, LIT, SHOP, textures
from al_lightning.data.streets.types import FAR, Array, Camera, Floats, Scene, Segment


class _Wall(NamedTuple):
    """Distance, place and segment at the end of each column's ray on one side; (columns,) arrays."""

    z: Floats
    along: Floats
    segment: npt.NDArray[np.intp]


def _wall(scene: Scene, camera: Camera, side: int, slope: Floats) -> _Wall:
    """Return the ends of rays at the facades of one side; a ray through a gap ends at the front of the next house."""
    segments = scene.sides[side > 0]
    where = side * (scene.half_width + scene.verge + scene.walk) - camera.d
    # The facade is at where + bend z^2, the ray at slope z.
    root = np.sqrt(np.maximum(slope * slope - 4 * camera.bend * where, 0))
    below = side * slope + root
    z = np.where(
        (below > 1e-4) & (slope * slope >= 4 * camera.bend * where), 2 * side * where / np.maximum(below, 1e-4), 1e4
    )
    along = z + camera.s
    starts = np.array([segment.start for segment in segments])
    number = np.maximum(np.searchsorted(starts, along, side="right") - 1, 0)
    gaps = np.array([segment.kind == "gap" for segment in segments])
    following = np.minimum(number + 1, len(segments) - 1)
    through = gaps[number]
    front = np.maximum(starts[following] - camera.s, 0.5)
    beyond = np.abs(slope * front - camera.bend * front * front - where)
    return _Wall(
        np.where(through, front, z).astype(np.float32),
        np.where(through, beyond, along).astype(np.float32),
        np.where(through, following, number),
    )


def facades(scene: Scene, camera: Camera, rows: Floats, columns: Floats) -> tuple[Array, Floats, Floats, Floats]:
    """Return each pixel's material without the ground, (z, along) of each column, and the height of each pixel."""
    chance = textures().chance
    slope = (columns - camera.u) / camera.focal
    left, right = _wall(scene, camera, -1, slope), _wall(scene, camera, 1, slope)
    nearer = right.z < left.z
    z, along = np.where(nearer, right.z, left.z), np.where(nearer, right.along, left.along)
    segments = [*scene.sides[0], *scene.sides[1], Segment("house", 0, scene.skyline[0])]
    number = np.where(nearer, right.segment + len(scene.sides[0]), left.segment)
    end = z > FAR
    number[end] = len(segments) - 1
    z = np.where(end, np.float32(FAR), z)
    along = np.where(end, columns * np.float32(0.4), along)
    top = np.array([segment.top for segment in segments], np.float32)[number]
    hedge = np.array([segment.kind == "hedge" for segment in segments])[number]
    bush = along * 0.7 + scene.seed
    bushes = bush.astype(np.int64)
    swell = chance[bushes & 1023] + (bush - bushes) * (chance[bushes + 1 & 1023] - chance[bushes & 1023])
    ragged = swell + 0.4 * chance[(along * 5).astype(np.int64) & 1023] - 0.7
    blocks = chance[(along // 4).astype(np.int64) + scene.seed & 1023]
    top = (top * np.where(hedge, 1 + 0.3 * ragged, np.where(end, 0.6 + 0.6 * blocks, 1))).astype(np.float32)
    pitch, floor, eaves, ground = (
        np.array([getattr(segment, name) for segment in segments], np.float32)[number]
        for name in ("pitch", "floor", "eaves", "shop")
    )
    y = camera.eye - (rows[:, None] - camera.v) * (z / camera.focal)
    base = (FACADES + 3 * number).astype(np.uint8)
    material = np.broadcast_to(base, y.shape).copy()
    # Windows smaller than four points would flicker, so they are not drawn.
    fine = (pitch * camera.focal / z > 4) & ~end & ~hedge
    across = along / pitch
    column_of = np.floor(across)
    inside = fine & (np.abs(across - column_of - 0.5) < 0.24)
    up = (y - 0.9) / floor
    floor_of = np.floor(up)
    up -= floor_of
    material += fine & (up > 0.9)
    window = inside & (np.abs(up - 0.42) < 0.27) & (y < top - eaves - 0.3)
    panes = np.where(chance < scene.light.lit, LIT, GLASS + (chance * 8).astype(np.uint8)).astype(np.uint8)
    seen = np.flatnonzero(window)
    key = (column_of * 37 + number * 101 + scene.seed).astype(np.int64)[seen % len(columns)]
    np.put(material, seen, panes[key + 17 * np.take(floor_of, seen).astype(np.int64) & 1023])
    shop = fine & (ground > 0) & (np.abs(across - column_of - 0.5) < 0.42)
    np.copyto(material, np.uint8(LIT if scene.light.lit > 0.15 else SHOP), where=shop & (y > 0.3) & (y < 2.7))
    np.copyto(material, base + np.uint8(2), where=(y > top - eaves) & ~end)
    material[:, hedge] = LEAVES
    if not scene.skyline[1]:
        material[:, end] = LEAVES
    np.copyto(material, np.uint8(AIR), where=y > top)
    return material, z.astype(np.float32), along.astype(np.float32), y.astype(np.float32, copy=False)
