"""Drawing of one frame of a street scene and its label, by numpy and OpenCV, without randomness.

A frame is a function of a `Scene` and a frame number; `scenes.py` samples the scene.
Places are in metres: `d` across the road from its middle, `y` up from the ground, `s` along the road. Ground, facades
and sky are computed for all pixels at once, by casting rays. Objects on the ground are then painted as polygons, far
ones first. All this happens at twice the final size. The picture is the mean of 2 x 2 sub-pixels, and a pixel whose
four sub-pixels differ in class is void.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from al_lightning.data.streets.actors import draw_actor
from al_lightning.data.streets.background import background
from al_lightning.data.streets.canvas import Canvas
from al_lightning.data.streets.surfaces import textures
from al_lightning.data.streets.types import FAR, NEAR, VOID, Array, Camera, Scene


def draw(scene: Scene, frame: int, size: tuple[int, int], grain: tuple[int, int] = (0, 0)) -> tuple[Array, Array]:
    """Draw a frame.

    Args:
        scene: the scene.
        frame: number of the frame; camera and moving actors have advanced `frame` steps.
        size: (height, width) of the picture.
        grain: (row, column) at which the pattern of the sensor's noise begins.

    Returns:
        (picture, label): (H, W, 3) uint8 RGB and (H, W) uint8 classes, 255 where a pixel shows more than one class.
    """
    height, width = 2 * size[0], 2 * size[1]
    wobble = 0.004 * math.sin(1.7 * frame + scene.seed)
    camera = Camera(
        scene.view * width, width / 2, (0.5 - scene.pitch + wobble) * height, scene.eye, scene.d, scene.step * frame,
        scene.bend,
    )  # fmt: skip
    present = [actor.at(frame) for actor in scene.actors]
    present = sorted((a for a in present if NEAR < a.s - camera.s < FAR), key=lambda actor: -actor.s)
    picture, label, ends = background(scene, camera, present, (height, width))
    canvas = Canvas(picture, label, camera, scene.light)
    for actor in present:
        z = actor.s - camera.s
        column = int(camera.point(actor.d, 0, actor.s)[0])
        canvas.move_to(z)
        # Houses at a bend or at the corner of a side street hide the actors behind them.
        hidden = ends < z - 1
        if actor.kind == "crossing car":
            before = picture[:, hidden], label[:, hidden]
            draw_actor(canvas, actor)
            picture[:, hidden], label[:, hidden] = before
        elif not (0 <= column < width and hidden[column]):
            draw_actor(canvas, actor)
    return _expose(canvas.picture, size, scene.light.noise, grain), _merge(canvas.label)


def _expose(picture: Array, size: tuple[int, int], noise: float, grain: tuple[int, int]) -> Array:
    """Return the mean of 2 x 2 sub-pixels with the sensor's noise."""
    small = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
    pattern = textures().sensor
    rows = (np.arange(size[0]) + grain[0]) % pattern.shape[0]
    columns = (np.arange(size[1]) + grain[1]) % pattern.shape[1]
    return cv2.add(small, noise * pattern[rows].take(columns, axis=1), dtype=cv2.CV_8U).astype(np.uint8)


def _merge(label: Array) -> Array:
    """Return the class of each pixel's 2 x 2 sub-pixels, void where they differ."""
    a, b, c, d = label[::2, ::2], label[::2, 1::2], label[1::2, ::2], label[1::2, 1::2]
    merged: Array = np.where((a == b) & (a == c) & (a == d), a, np.uint8(VOID))
    return merged
