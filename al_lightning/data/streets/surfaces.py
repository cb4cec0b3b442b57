"""How surfaces look: the materials of a scene, and patterns that all scenes share."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from al_lightning.data.streets.types import (
    BUILDING,
    MARKING,
    PAVEMENT,
    ROAD,
    SKY,
    VEGETATION,
    Array,
    Floats,
    Scene,
)

AIR, ASPHALT, PAINT, KERB, GRASS, STONES, JOINT, LEAVES, SHOP, LIT, GLASS = range(11)
FACADES = 20
"""Materials; GLASS has eight shades, and from FACADES on each house has wall, trim and roof."""
CLASS_OF = np.full(256, BUILDING, np.uint8)
CLASS_OF[:SHOP] = (SKY, ROAD, MARKING, PAVEMENT, VEGETATION, PAVEMENT, PAVEMENT, VEGETATION)
ROUGHNESS = np.full(256, 0.06, np.float32)
"""Strength of the noise on each material."""
ROUGHNESS[:GLASS] = (0, 0.11, 0.09, 0.06, 0.21, 0.08, 0.08, 0.33, 0.1, 0)


def palette_of(scene: Scene) -> Floats:
    """Return the colour of each material in a scene, (256, 3), without haze."""
    light = scene.light
    colours = np.zeros((256, 3), np.float32)
    colours[ASPHALT], colours[PAINT], colours[STONES] = scene.asphalt, (226, 224, 214), scene.stones
    colours[KERB] = colours[STONES] * 1.18
    colours[JOINT] = colours[STONES] * 0.8
    colours[GRASS], colours[LEAVES] = (92, 118, 58), (62, 92, 44)
    white = np.array([228, 232, 240], np.float32)
    for material, cover in ((ASPHALT, 0.5), (PAINT, 0.6), (STONES, 0.9), (KERB, 0.8), (JOINT, 0.9), (GRASS, 0.95)):
        colours[material] += light.snow * cover * (white - colours[material])
    colours[LEAVES] += 0.35 * light.snow * (white - colours[LEAVES])
    colours[SHOP] = (74, 82, 88)
    colours[GLASS : GLASS + 8] = np.array([58, 70, 84]) * (0.6 + 0.13 * np.arange(8)[:, None])
    houses = [*scene.sides[0], *scene.sides[1]]
    walls, roofs = (np.array([getattr(house, name) for house in houses], np.float32) for name in ("wall", "roof"))
    end = FACADES + 3 * len(houses)
    colours[FACADES:end:3], colours[FACADES + 1 : end : 3], colours[FACADES + 2 : end : 3] = (
        walls,
        1.14 * walls + 8,
        roofs,
    )
    colours[end : end + 3] = (122, 118, 116) if scene.skyline[1] else (78, 96, 70)
    colours *= np.asarray(light.gain, np.float32)
    colours[LIT] = (250, 206, 128)
    return np.minimum(colours, 255)


class Textures(NamedTuple):
    """Patterns that all scenes share.

    Attributes:
        grain: (258, 258) float32, noise of mean 0 and deviation 1 that repeats after 256.
        chance: (1024,) float32, uniform numbers from 0 to 1.
        sensor: (192, 320, 3) float32, normal numbers.
        crowns: tree crowns, each (64, 64, 2) uint8: brightness of the leaves, and the mask of leaves.
    """

    grain: Floats
    chance: Floats
    sensor: Floats
    crowns: tuple[Array, ...]


def _tiling_noise(draw: np.random.Generator, smooth: float) -> Floats:
    side = 256
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    spectrum = np.fft.fft2(draw.standard_normal((side, side))) * np.exp(-((frequency * smooth * math.pi) ** 2))
    noise = np.fft.ifft2(spectrum).real
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def _crown(draw: np.random.Generator, rough: Floats) -> Array:
    rows, columns = np.indices((64, 64)) / 32.0 - 1.0
    depth = np.full((64, 64), -1.0)
    for _ in range(9):
        angle, away, radius = draw.uniform(0, 2 * math.pi), draw.uniform(0, 0.5), draw.uniform(0.3, 0.5)
        row, column = rows - 0.95 * away * math.sin(angle), columns - away * math.cos(angle)
        depth = np.maximum(depth, 1 - (row**2 + column**2) / radius**2 - 0.25 * row / radius)
    top, left = draw.integers(0, 192, 2)
    leaves = rough[top : top + 64, left : left + 64]
    bright = 0.62 + 0.22 * np.clip(depth, 0, 1) - 0.22 * rows + 0.15 * leaves
    return np.stack([np.clip(bright * 190, 30, 255), 255.0 * (depth + 0.22 * leaves > 0.12)], axis=-1).astype(np.uint8)


@functools.cache
def textures() -> Textures:
    """Return the patterns, which are the same in every dataset."""
    draw = np.random.default_rng(2022)
    rough = _tiling_noise(draw, 3.0)
    return Textures(
        np.pad(0.75 * _tiling_noise(draw, 1.2) + 0.66 * _tiling_noise(draw, 9.0), ((0, 2), (0, 2)), mode="wrap"),
        draw.random(1024).astype(np.float32),
        draw.standard_normal((192, 320, 3)).astype(np.float32),
        tuple(_crown(draw, rough) for _ in range(12)),
    )
