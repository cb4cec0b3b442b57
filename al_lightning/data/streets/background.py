"""The background of a frame, computed for all pixels at once: ground, facades and sky, with light and haze."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from al_lightning.data.streets.canvas import fixed_point
from al_lightning.data.streets.facades import facades
from al_lightning.data.streets.surfaces import (
    AIR,
    ASPHALT,
    CLASS_OF,
    GRASS,
    JOINT,
    KERB,
    LEAVES,
    PAINT,
    ROUGHNESS,
    STONES,
    palette_of,
    textures,
)
from al_lightning.data.streets.types import NEAR, Actor, Array, Camera, Floats, Light, Scene

_ACROSS = np.array([ASPHALT, KERB, GRASS, STONES], np.uint8)
"""Materials of the ground, from the middle of the road outwards."""


def background(
    scene: Scene, camera: Camera, actors: Sequence[Actor], shape: tuple[int, int]
) -> tuple[Array, Array, Floats]:
    """Return the picture and the label without actors, and the distance of the facade in each column."""
    light = scene.light
    rows, columns = (np.arange(count, dtype=np.float32) + 0.5 for count in shape)
    material, z, along, upward = facades(scene, camera, rows, columns)
    distance, across = (np.broadcast_to(values, shape).copy() for values in (z, along))
    first = min(max(int(camera.v) + 1, 0), shape[0])
    # The ground shows in the rows from `first`, the row below the horizon. `depth` is the z of each row, (rows, 1); d
    # and s are places across and along the road (see types.py).
    depth = camera.focal * camera.eye / np.maximum(rows[first:, None] - camera.v, 0.3)
    d = (columns - camera.u) * (depth / camera.focal) + (camera.d - camera.bend * depth * depth)
    s = depth + camera.s
    on_ground = upward[first:] < 0
    np.copyto(material[first:], _ground_at(scene, d, s, depth), where=on_ground)
    # From here on `distance`, `across` and `upward` hold the ground's values where a sub-pixel shows the ground.
    for whole, ground in ((distance, depth), (across, d), (upward, s)):
        np.copyto(whole[first:], ground, where=on_ground)

    noise = _grain(across, upward, scene.seed)
    brightness = 1 + noise * cv2.LUT(material, ROUGHNESS) / (1 + distance / 40)
    shaded = (material >= LEAVES) & ((columns > camera.u) == (light.sun > 0))
    np.multiply(brightness, 1 - 0.45 * light.shadow, out=brightness, where=shaded)
    lit = _shadows(scene, camera, actors, shape, first)
    if light.beam:
        lit += light.beam * np.exp(-(((d - camera.d) / (1.5 + 0.12 * depth)) ** 2) - depth / 16)
    np.multiply(brightness[first:], lit, out=brightness[first:], where=on_ground)

    sky = material == AIR
    clear = np.exp(-light.haze * distance)
    np.copyto(clear, 0, where=sky)
    brightness *= clear
    air = _air(light, camera, rows)
    palette = palette_of(scene)
    veil = 1 - clear
    planes = [cv2.LUT(material, palette[:, c]) for c in range(3)]
    for plane, colour in zip(planes, air.T, strict=True):
        np.multiply(plane, brightness, out=plane)
        np.add(plane, veil * colour[:, None], out=plane)
    if light.clouds > 0.05:
        cover, white = _clouds(scene, shape)
        cover = cover[:first] * sky[:first]
        for plane, value in zip(planes, white, strict=True):
            plane[:first] += cover * (value - plane[:first])
    picture = np.asarray(cv2.merge([cv2.convertScaleAbs(plane) for plane in planes]), np.uint8)
    return picture, cv2.LUT(material, CLASS_OF).astype(np.uint8), z


def _grain(across: Floats, upward: Floats, seed: int) -> Floats:
    """Return the texture's values at places, 13 entries of the texture per metre; both arrays are overwritten."""
    # OpenCV's own wrapping takes seven times as long.
    for places, shift in ((across, seed % 256), (upward, 0)):
        places *= 13 / 256
        places += shift / 256
        places -= np.floor(places)
        places *= 256
    return np.asarray(cv2.remap(textures().grain, across, upward, cv2.INTER_LINEAR), np.float32)


def _air(light: Light, camera: Camera, rows: Floats) -> Floats:
    """Return the colour of the air in each row, (rows, 3): from the horizon's to the zenith's."""
    rise = np.clip((camera.v - rows) / (0.55 * len(rows)), 0, 1)[:, None] ** 0.7
    air: Floats = np.asarray(light.horizon, np.float32) * (1 - rise) + np.asarray(light.zenith, np.float32) * rise
    return air


def _clouds(scene: Scene, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the cloud cover of the sky, (rows, columns), 0 to 0.8, and the clouds' colour."""
    light, shift = scene.light, scene.seed % 97
    patch = textures().grain[shift : shift + 60, shift : shift + 44]
    soft = cv2.resize(cv2.blur(patch, (5, 5)), (shape[1] // 8, shape[0] // 8))
    cover = np.clip(soft * 0.4 + (light.clouds - 0.35), 0, 0.8)
    white = 0.35 * np.asarray(light.horizon) + 0.65 * np.minimum(250 * np.asarray(light.gain), 252)
    return cv2.resize(cover, shape[::-1]).astype(np.float32), white.astype(np.float32)


def _ground_at(scene: Scene, d: Floats, s: Floats, z: Floats) -> Array:
    """Return the material of the ground at places d across the road, (rows, columns), and s and z, (rows, 1)."""
    away = np.abs(d)
    kerb = scene.half_width
    material = (away > kerb).astype(np.uint8)
    material += away > kerb + 0.2
    material += away > kerb + 0.2 + scene.verge
    material = _ACROSS.take(material)
    joints = (s % 1.6 < 0.1) & (z < 18)
    np.copyto(material, np.uint8(JOINT), where=joints & (material == STONES))
    painted = (away < 0.11) & (s % scene.dash[1] < scene.dash[0])
    if scene.edge:
        painted |= np.abs(away - kerb + 0.35) < 0.08
    if scene.crosswalk is not None:
        begin = scene.crosswalk
        painted &= (s < begin - 2) | (s > begin + 4)
        bars = d * np.float32(1 / 1.1)
        painted |= (s > begin) & (s < begin + 3) & (bars - np.floor(bars) < 0.5) & (away < kerb - 0.3)
        painted |= (np.abs(s - begin + 1.4) < 0.2) & (d > 0.1) & (d < kerb - 0.2)
    for side, segments in zip((-1, 1), scene.sides, strict=True):
        for segment, following in itertools.pairwise(segments):
            if segment.kind == "gap":
                inner = (s > segment.start + 1.2) & (s < following.start - 1.2)
                np.copyto(material, np.uint8(ASPHALT), where=inner & (side * d > kerb))
                painted &= ~inner | (side * d < 1)
    np.copyto(material, np.uint8(PAINT), where=painted & (away < kerb))
    return material


def _shadows(scene: Scene, camera: Camera, actors: Sequence[Actor], shape: tuple[int, int], first: int) -> Floats:
    """Return the share of light that reaches the ground, (rows from `first` on, columns)."""
    cast = np.zeros(shape, np.uint8)
    light = scene.light

    def quad(corners: Sequence[tuple[float, float]], depth: float) -> None:
        nearest = camera.s + NEAR * 0.6
        points = [camera.point(d, 0, max(s, nearest)) for d, s in corners]
        cv2.fillConvexPoly(cast, fixed_point(points), (255 * depth,), cv2.LINE_8, 3)

    if light.shadow > 0.1:
        lean = -light.sun  # shadows fall away from the sun
        line = light.sun * (scene.half_width + scene.verge + scene.walk)
        segments = scene.sides[light.sun > 0]
        for segment, following in itertools.pairwise(segments):
            if segment.kind != "gap" and following.start > camera.s + NEAR:
                reach = line + lean * min(0.55 * segment.top, 9)
                quad(
                    [
                        (line, segment.start),
                        (reach, segment.start + 3),
                        (reach, following.start + 3),
                        (line, following.start),
                    ],
                    light.shadow,
                )
        for actor in actors:
            if actor.kind in ("lamp", "sign", "pedestrian"):
                half = max(0.05, 0.3 * actor.width)
                tip = (actor.d + lean * 0.8 * actor.height, actor.s + 0.5 * actor.height)
                quad([(actor.d, actor.s - half), tip, (tip[0], tip[1] + half), (actor.d, actor.s + half)], light.shadow)
            elif actor.kind == "tree":
                u, v = camera.point(actor.d + lean * 0.6 * actor.height, 0, actor.s + 1.5)
                size = camera.focal * actor.width / (2 * (actor.s - camera.s))
                axes = (int(size), max(1, int(size * camera.eye / (actor.s - camera.s))))
                cv2.ellipse(cast, (int(u), int(v)), axes, 0, 0, 360, (255 * light.shadow,), -1)
    for actor in actors:
        if actor.kind in ("car", "crossing car"):
            across, deep = (actor.width, actor.length) if actor.kind == "car" else (actor.length, actor.width)
            left, right = actor.d - across / 2 - 0.1, actor.d + across / 2 + 0.1
            slide = -light.sun * 1.2 if light.shadow > 0.1 else 0.0
            left, right = min(left, left + slide), max(right, right + slide)
            near, far = actor.s - 0.25, actor.s + deep
            quad([(left, near), (right, near), (right, far), (left, far)], max(0.55, light.shadow))
    left_over: Floats = 1 - np.asarray(cv2.blur(cast[first:], (3, 3)), np.float32) / np.float32(255)
    return left_over
