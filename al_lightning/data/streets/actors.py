"""Drawing of objects on the ground: cars, pedestrians, lamps, signs and trees."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from al_lightning.data.streets.canvas import Canvas
from al_lightning.data.streets.surfaces import textures
from al_lightning.data.streets.types import CAR, PEDESTRIAN, POLE, SIGN, VEGETATION, Actor, Colour


def _dark(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


_GLASS: Colour = (46, 56, 66)
_TYRE: Colour = (26, 26, 28)


def _car(canvas: Canvas, car: Actor) -> None:
    """Draw a car that drives along the road; variant 0 is a rear, 1 a front, 2 the rear of a van."""
    camera, paint = canvas.camera, car.colours[0]
    half, waist, van = car.width / 2, 0.52 * car.height + 0.1, car.variant == 2
    front, rear = (0.72, 0.04) if van else (0.66, 0.12)
    if car.variant == 1:
        front, rear = 0.9, 0.3
    visible = -1 if camera.point(car.d, 0, car.s)[0] > camera.u else 1

    def at(x: float, y: float, share: float) -> tuple[float, float]:
        return camera.point(car.d + x, y, car.s + share * car.length)

    x = visible * half
    side = _dark(paint, 0.78)
    canvas.polygon([at(x, 0.28, 0), at(x, waist, 0), at(x, waist, 1), at(x, 0.28, 1)], side, CAR)
    canvas.polygon(
        [at(x, waist, rear - 0.08), at(0.8 * x, car.height, rear + 0.06), at(0.8 * x, car.height, front - 0.1),
         at(x, waist, front + 0.12)], _dark(paint, 0.7), CAR,
    )  # fmt: skip
    low, high = waist + 0.06, car.height - 0.1
    canvas.polygon(
        [at(0.98 * x, low, rear), at(0.83 * x, high, rear + 0.09), at(0.83 * x, high, front - 0.12),
         at(0.98 * x, low, front + 0.04)], _GLASS, None,
    )  # fmt: skip
    close = camera.focal / (car.s - camera.s) > 8  # details smaller than a pixel are not drawn
    for hub in (0.2, 0.8) if close else ():
        spokes = [(0.085, 0.3), (0.06, 0.53), (-0.06, 0.53), (-0.085, 0.3), (-0.06, 0.06), (0.06, 0.06)]
        canvas.polygon([at(x, y, hub + share) for share, y in spokes], _TYRE, CAR)
    # The side towards the camera: tyres, cabin, window, body, lights, plate.
    for wheel in (-1, 1):
        inner, outer = wheel * (half - 0.28), wheel * (half - 0.03)
        canvas.polygon([at(inner, 0.02, 0), at(outer, 0.02, 0), at(outer, 0.4, 0), at(inner, 0.4, 0)], _TYRE, CAR)
    canvas.polygon([at(-half, waist, rear - 0.08), at(-0.8 * half, car.height, rear + 0.04),
                    at(0.8 * half, car.height, rear + 0.04), at(half, waist, rear - 0.08)], paint, CAR)  # fmt: skip
    canvas.polygon([at(-0.86 * half, low, rear - 0.05), at(-0.72 * half, high, rear + 0.03),
                    at(0.72 * half, high, rear + 0.03), at(0.86 * half, low, rear - 0.05)], _GLASS, None)  # fmt: skip
    if car.variant == 1:
        canvas.polygon([at(-half, waist - 0.05, 0), at(-0.95 * half, waist + 0.02, rear - 0.05),
                        at(0.95 * half, waist + 0.02, rear - 0.05), at(half, waist - 0.05, 0)],
                       _dark(paint, 1.1), CAR)  # fmt: skip
    canvas.polygon([at(-0.94 * half, 0.22, 0), at(-half, 0.45, 0), at(-half, waist, 0),
                    at(half, waist, 0), at(half, 0.45, 0), at(0.94 * half, 0.22, 0)], paint, CAR)  # fmt: skip
    canvas.polygon([at(-0.94 * half, 0.22, 0), at(-0.97 * half, 0.42, 0), at(0.97 * half, 0.42, 0),
                    at(0.94 * half, 0.22, 0)], _dark(paint, 0.55), None)  # fmt: skip
    on = canvas.light.lit > 0.1
    lamp: Colour = (
        ((255, 250, 225) if on else (225, 225, 220)) if car.variant == 1 else ((255, 40, 30) if on else (170, 24, 22))
    )
    for wheel in (-1, 1):
        inner, outer = wheel * 0.6 * half, wheel * 0.95 * half
        top, bottom = waist - 0.08, waist - 0.26
        canvas.polygon(
            [at(inner, bottom, 0), at(outer, bottom, 0), at(outer, top, 0), at(inner, top, 0)], lamp, CAR, on
        )
    plate = 0.28
    if close:
        canvas.polygon([at(-plate, 0.46, 0), at(plate, 0.46, 0), at(plate, 0.58, 0), at(-plate, 0.58, 0)],
                       (220, 220, 205) if car.variant != 1 else (60, 60, 62), None)  # fmt: skip


def _crossing_car(canvas: Canvas, car: Actor) -> None:
    """Draw a car from its side; it faces its direction of travel."""
    camera, paint, facing = canvas.camera, car.colours[0], 1 if car.speed[0] >= 0 else -1

    def outline(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        return [camera.point(car.d + facing * (share - 0.5) * car.length, y, car.s) for share, y in places]

    waist, roof = 0.52 * car.height + 0.1, car.height
    body = outline([(0, 0.3), (0, waist - 0.05), (0.05, waist), (0.95, waist - 0.12), (1, 0.55), (1, 0.3)])
    canvas.polygon(body, paint, CAR)
    cabin = outline([(0.06, waist - 0.02), (0.18, roof), (0.55, roof), (0.75, waist - 0.05)])
    canvas.polygon(cabin, _dark(paint, 0.92), CAR)
    for left, right in ((0.14, 0.38), (0.41, 0.66)):
        lean = 0.06 if left < 0.2 else 0.0
        glass = [(left, waist + 0.04), (left + lean, roof - 0.1), (right - (0.1 - lean), roof - 0.1)]
        canvas.polygon(outline([*glass, (right, waist + 0.04)]), _GLASS, None)
    canvas.polygon(outline([(0.02, 0.22), (0.02, 0.38), (0.98, 0.38), (0.98, 0.22)]), _dark(paint, 0.5), CAR)
    size = camera.focal / (car.s - camera.s)
    for hub in (0.2, 0.8):
        centre = outline([(hub, 0.32)])[0]
        canvas.disc(centre, 0.33 * size, _TYRE, CAR)
        canvas.disc(centre, 0.17 * size, (130, 130, 134), None)


def _pedestrian(canvas: Canvas, person: Actor) -> None:
    """Draw a pedestrian; the colours are those of coat, trousers and skin."""
    coat, trousers, skin = person.colours
    camera, tall = canvas.camera, person.height

    def limb(start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour) -> None:
        (x0, y0), (x1, y1) = start, end
        corners = ((x0 - width, y0), (x0 + width, y0), (x1 + width * 0.8, y1), (x1 - width * 0.8, y1))
        canvas.polygon([camera.point(person.d + x, y * tall, person.s) for x, y in corners], colour, PEDESTRIAN)

    swing = 0.17 * math.sin(person.phase)
    limb((0.07, 0.5), (0.07 - swing, 0.0), 0.085, _dark(trousers, 0.85))
    limb((-0.07, 0.5), (-0.07 + swing, 0.0), 0.085, trousers)
    limb((0.2, 0.8), (0.24 + swing, 0.45), 0.06, _dark(coat, 0.8))
    limb((-0.2, 0.8), (-0.24 - swing, 0.45), 0.06, _dark(coat, 0.8))
    limb((0.0, 0.84), (0.0, 0.45), 0.21, coat)
    head = camera.point(person.d, 0.92 * tall, person.s)
    size = camera.focal * 0.075 * tall / (person.s - camera.s)
    canvas.disc(head, size, skin, PEDESTRIAN)
    if size > 1.5:
        u, v = head
        hair = [(u - size, v - 0.1 * size), (u - 0.7 * size, v - 0.9 * size), (u, v - 1.15 * size)]
        canvas.polygon([*hair, (u + 0.7 * size, v - 0.9 * size), (u + size, v - 0.1 * size)],
                       _dark(skin, 0.35), PEDESTRIAN)  # fmt: skip


def _stem(canvas: Canvas, thing: Actor, top: float, width: float, label: int, colour: Colour) -> None:
    point, d, s = canvas.camera.point, thing.d, thing.s
    for offset, shade, name in ((0.0, 0.8, label), (-0.25 * width, 1.1, None)):
        half = width / 2 + offset
        corners = ((-width / 2, 0.0), (half, 0.0), (half * 0.9, top), (-width / 2 * 0.9, top))
        canvas.polygon([point(d + x, y, s) for x, y in corners], _dark(colour, shade), name)


def _lamp(canvas: Canvas, lamp: Actor) -> None:
    """Draw a post; variant 1 has a street lamp on an arm over the road."""
    grey, point = lamp.colours[0], canvas.camera.point
    _stem(canvas, lamp, lamp.height, lamp.width, POLE, grey)
    if lamp.variant:
        reach = -math.copysign(1.6, lamp.d)
        top, thick = lamp.height, 0.7 * lamp.width
        arm = ((0.0, top), (reach, top + 0.3), (reach, top + 0.3 - thick), (0.0, top - thick))
        canvas.polygon([point(lamp.d + x, y, lamp.s) for x, y in arm], grey, POLE)
        on = canvas.light.lit > 0.1
        head = (
            (0.7 * reach, top + 0.32),
            (1.25 * reach, top + 0.36),
            (1.2 * reach, top + 0.1),
            (0.75 * reach, top + 0.08),
        )
        canvas.polygon(
            [point(lamp.d + x, y, lamp.s) for x, y in head], (255, 236, 190) if on else _dark(grey, 1.2), POLE, on
        )


_RED, _WHITE, _BLUE, _YELLOW = (196.0, 28.0, 32.0), (238.0, 238.0, 234.0), (28.0, 84.0, 172.0), (240.0, 190.0, 30.0)
_TRIANGLE = ((-1.1, -0.75), (1.1, -0.75), (0.0, 1.1))
_FLIPPED = ((-1.1, 0.75), (1.1, 0.75), (0.0, -1.1))
_SQUARE = ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9))
_DIAMOND = ((-1.1, 0.0), (0.0, -1.1), (1.1, 0.0), (0.0, 1.1))
_BAR = ((-0.15, -0.6), (0.15, -0.6), (0.15, 0.6), (-0.15, 0.6))
_SIGNS: tuple[tuple[tuple[tuple[tuple[float, float], ...] | None, float, Colour], ...], ...] = (
    ((None, 1.0, _RED), (None, 0.68, _WHITE)),
    ((_TRIANGLE, 1.0, _RED), (_TRIANGLE, 0.58, _WHITE)),
    ((None, 1.0, _BLUE), (_BAR, 1.0, _WHITE)),
    ((_SQUARE, 1.0, _BLUE), (_SQUARE, 0.5, _WHITE)),
    ((_FLIPPED, 1.0, _RED), (_FLIPPED, 0.58, _WHITE)),
    ((_DIAMOND, 1.0, _WHITE), (_DIAMOND, 0.7, _YELLOW)),
)
"""(outline, None for a disc; size; colour) of the plates of each variant: prohibition, warning, mandatory, square, give
way, and priority road."""


def _sign(canvas: Canvas, sign: Actor) -> None:
    """Draw a traffic sign on a post."""
    _stem(canvas, sign, sign.height, 0.11, POLE, (150, 152, 154))
    u, v = canvas.camera.point(sign.d, sign.height, sign.s)
    size = canvas.camera.focal * sign.width / 2 / (sign.s - canvas.camera.s)

    for outline, scale, colour in _SIGNS[sign.variant]:
        if outline is None:
            canvas.disc((u, v), scale * size, colour, SIGN)
        else:
            canvas.polygon([(u + x * size * scale, v - y * size * scale) for x, y in outline], colour, SIGN)


def _tree(canvas: Canvas, tree: Actor) -> None:
    """Draw the trunk and the crown of a tree."""
    camera = canvas.camera
    _stem(canvas, tree, 0.5 * tree.height, 0.05 * tree.height, VEGETATION, (84, 66, 50))
    crowns = textures().crowns
    leaf, mask = cv2.split(crowns[tree.variant % len(crowns)])
    scale = camera.focal / (tree.s - camera.s)
    u, v = camera.point(tree.d, 0.3 * tree.height, tree.s)
    wide, high = max(2, int(tree.width * scale)), max(2, int(0.72 * tree.height * scale))
    left, top = round(u - wide / 2), round(v - high)
    rows, columns = canvas.label.shape
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide, columns), min(top + high, rows)
    if x1 <= x0 or y1 <= y0:
        return
    # Only the part inside the picture is scaled.
    mapping = np.array([[64 / wide, 0, (x0 - left) * 64 / wide], [0, 64 / high, (y0 - top) * 64 / high]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if tree.phase > 0.5:
        mapping[0] = -mapping[0] + np.array([0, 0, 63])
    leaf = cv2.warpAffine(leaf, mapping, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(mask, mapping, (x1 - x0, y1 - y0), flags=flags)
    bright, dim = np.asarray(canvas.tint(tree.colours[0])), np.asarray(canvas.tint((0, 0, 0)))
    table = (dim + np.linspace(0, 1, 256)[:, None] * (bright - dim)).astype(np.uint8)
    mask = cv2.threshold(mask, 127, 1, cv2.THRESH_BINARY)[1]
    cv2.copyTo(cv2.LUT(cv2.merge([leaf, leaf, leaf]), table[:, None]), mask, canvas.picture[y0:y1, x0:x1])
    canvas.label[y0:y1, x0:x1][mask > 0] = VEGETATION


_DRAW = {
    "car": _car,
    "crossing car": _crossing_car,
    "pedestrian": _pedestrian,
    "lamp": _lamp,
    "sign": _sign,
    "tree": _tree,
}


def draw_actor(canvas: Canvas, actor: Actor) -> None:
    """Draw an actor over the current picture."""
    _DRAW[actor.kind](canvas, actor)
