"""Materials of ground, facades and sky: each pixel has a material, and each material a class and a colour."""

from __future__ import annotations

import numpy as np

from al_lightning.data.streets.types import BUILDING, MARKING, PAVEMENT, ROAD, SKY, VEGETATION, Floats, Scene

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
