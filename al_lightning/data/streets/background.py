"""The background of a frame, computed for all pixels at once: ground, facades and sky, with light and haze."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from al_lightning.data.streets.facades import facades
from al_lightning.data.streets.ground import ground_at, shadows
from al_lightning.data.streets.materials import AIR, CLASS_OF, LEAVES, ROUGHNESS, palette_of
from al_lightning.data.streets.textures import textures
from al_lightning.data.streets.types import Actor, Array, Camera, Floats, Light, Scene


def background(
    scene: Scene, camera: Camera, actors: Sequence[Actor], shape: tuple[int, int]
) -> tuple[Array, Array, Floats]:
    """Return the picture and the label without actors, and the distance of the facade in each column."""
    light = scene.light
    rows, columns = (np.arange(count, dtype=np.float32) + 0.5 for count in shape)
    material, z, along, upward = facades(scene, camera, rows, columns)
    distance, across = (np.broadcast_to(values, shape).copy() for values in (z, along))
    first = min(max(int(camera.v) + 1, 0), shape[0])
    depth = camera.focal * camera.eye / np.maximum(rows[first:, None] - camera.v, 0.3)
    d = (columns - camera.u) * (depth / camera.focal) + (camera.d - camera.bend * depth * depth)
    s = depth + camera.s
    on_ground = upward[first:] < 0
    np.copyto(material[first:], ground_at(scene, d, s, depth), where=on_ground)
    for whole, ground in ((distance, depth), (across, d), (upward, s)):
        np.copyto(whole[first:], ground, where=on_ground)

    noise = _grain(across, upward, scene.seed)
    brightness = 1 + noise * cv2.LUT(material, ROUGHNESS) / (1 + distance / 40)
    shaded = (material >= LEAVES) & ((columns > camera.u) == (light.sun > 0))
    np.multiply(brightness, 1 - 0.45 * light.shadow, out=brightness, where=shaded)
    lit = shadows(scene, camera, actors, shape, first)
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
    """Return the texture's values at places, 13 points per metre; both arrays are overwritten."""
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
