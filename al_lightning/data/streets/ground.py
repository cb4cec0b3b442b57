"""The ground: its material at the end of each pixel's ray, and the shadows on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from al_lightning.data.streets.canvas import fixed_point
from al_lightning.data.streets.materials import ASPHALT, GRASS, JOINT, KERB, PAINT, STONES
from al_lightning.data.streets.types import NEAR, Actor, Array, Camera, Floats, Scene

_ACROSS = np.array([ASPHALT, KERB, GRASS, STONES], np.uint8)
"""Materials of the ground, from the middle of the road outwards."""


def ground_at(scene: Scene, d: Floats, s: Floats, z: Floats) -> Array:
    """Return the material of the ground at places d (rows, columns), s and z (rows, 1)."""
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


def shadows(scene: Scene, camera: Camera, actors: Sequence[Actor], shape: tuple[int, int], first: int) -> Floats:
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
