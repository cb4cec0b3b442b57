"""Draws one frame of a street scene and its label: numpy and OpenCV, no randomness.

What stands where is decided elsewhere (`driving_video.py`); a frame is a function of a `Scene` and a frame number.
Everything is placed in metres: `d` across the road from its middle, `y` up from the ground, `s` along the road. Ground,
facades and sky are computed for every pixel at once from the place where its ray ends; what stands on the ground is
painted over them as polygons, far ones first. All this happens at twice the size asked for; the picture is the mean of
2 x 2 points, and a pixel whose four points are not of one class is void.

The module is longer than others because each thing that can be seen needs its few lines of geometry.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Colour = tuple[float, float, float]
"""(red, green, blue), 0 to 255."""

CLASSES = ("road", "lane marking", "pavement", "building", "vegetation", "sky", "car", "pedestrian", "pole", "sign")
ROAD, MARKING, PAVEMENT, BUILDING, VEGETATION, SKY, CAR, PEDESTRIAN, POLE, SIGN = range(10)
VOID = 255

FAR = 110.0
"""Beyond this distance, in metres, the street dissolves into the skyline."""
NEAR = 2.5
"""What is nearer than this, in metres, is not drawn."""


class Light(NamedTuple):
    """What the air does to the colours of a scene.

    Attributes:
        gain: factor on the three channels of everything that does not shine itself.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon, and of the haze.
        clouds: share of cloud in the sky, 0 to 1.
        sun: side the sun stands on, -1 or 1.
        shadow: part of the light that a cast shadow takes away, 0 to 1.
        haze: share of light lost per metre.
        lit: share of the windows that are lit; above 0.1, cars have their lights on.
        beam: strength of the camera car's own headlights on the road.
        snow: cover of the ground, 0 to 1.
        noise: standard deviation of the sensor's noise, in grey levels.
    """

    gain: Colour
    zenith: Colour
    horizon: Colour
    clouds: float
    sun: int
    shadow: float
    haze: float
    lit: float = 0.0
    beam: float = 0.0
    snow: float = 0.0
    noise: float = 2.0


class Segment(NamedTuple):
    """A stretch of one side of the street, from `start` to the next one's start."""

    kind: Literal["house", "hedge", "gap"]
    start: float
    top: float
    wall: Colour = (0, 0, 0)
    roof: Colour = (0, 0, 0)
    pitch: float = 2.5
    floor: float = 3.0
    shop: bool = False
    eaves: float = 0.6


class Actor(NamedTuple):
    """Something that stands or moves on the ground.

    Attributes:
        kind: what it is.
        d: place across the road at frame 0, in metres.
        s: place along the road at frame 0, in metres.
        height: in metres.
        width: in metres.
        length: along its own axis, in metres.
        colours: one to three of them; their meaning depends on the kind.
        speed: (across, along) in metres per frame.
        variant: which of several looks it has.
        phase: where its gait stands, in radians; trees above 0.5 are mirrored.
    """

    kind: Literal["car", "crossing car", "pedestrian", "lamp", "sign", "tree"]
    d: float
    s: float
    height: float
    width: float
    length: float
    colours: tuple[Colour, ...]
    speed: tuple[float, float] = (0.0, 0.0)
    variant: int = 0
    phase: float = 0.0

    def at(self, frame: int) -> Actor:
        """Return it where it is at a frame."""
        gait = 0.55 * frame if self.kind == "pedestrian" else 0.0
        across, along = self.speed
        return self._replace(d=self.d + frame * across, s=self.s + frame * along, phase=self.phase + gait)


class Scene(NamedTuple):
    """A street with all that is on it, and a camera that drives along it.

    Attributes:
        light: of the scene.
        sides: segments on the left and on the right, the last of them reaching to the horizon.
        actors: what stands and moves there.
        half_width: from the middle of the road to the kerb, in metres.
        verge: width of the grass strip behind the kerb, in metres.
        walk: width of the pavement, in metres.
        dash: (length, period) of the dashes in the middle, in metres.
        edge: whether a line runs along the kerb.
        crosswalk: where a zebra crossing begins along the road, or None.
        asphalt: colour of the road.
        stones: colour of the pavement.
        skyline: height of what is seen at the end of the street, in metres, and whether it is buildings.
        bend: curvature of the road; its middle is `bend * distance**2` to the right.
        pitch: rise of the horizon above the middle of the picture, as a share of its height.
        view: focal length as a share of the width.
        eye: height of the camera, in metres.
        d: place of the camera across the road, in metres.
        step: metres that it drives per frame.
        seed: shifts all textures.
    """

    light: Light
    sides: tuple[tuple[Segment, ...], tuple[Segment, ...]]
    actors: tuple[Actor, ...]
    half_width: float
    verge: float
    walk: float
    dash: tuple[float, float]
    edge: bool
    crosswalk: float | None
    asphalt: Colour
    stones: Colour
    skyline: tuple[float, bool]
    bend: float
    pitch: float
    view: float
    eye: float
    d: float
    step: float
    seed: int


class Camera(NamedTuple):
    """Where the camera is, and how it maps metres to points of the enlarged picture."""

    focal: float
    u: float
    v: float
    eye: float
    d: float
    s: float
    bend: float

    def point(self, d: float, y: float, s: float) -> tuple[float, float]:
        """Return (column, row) of a place."""
        z = s - self.s
        return (
            self.u + self.focal * (d - self.d + self.bend * z * z) / z,
            self.v + self.focal * (self.eye - y) / z,
        )


# Textures


class Textures(NamedTuple):
    """Patterns that all scenes share.

    Attributes:
        grain: (258, 258) float32, noise of mean 0 and deviation 1 that repeats after 256.
        chance: (1024,) float32, uniform numbers from 0 to 1.
        sensor: (192, 320, 3) float32, normal numbers.
        crowns: tree crowns, each (64, 64, 2) uint8: how bright a leaf is, and where leaves are.
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
    """Return the patterns that all scenes share; they are the same in every dataset."""
    draw = np.random.default_rng(2022)
    rough = _tiling_noise(draw, 3.0)
    return Textures(
        np.pad(0.75 * _tiling_noise(draw, 1.2) + 0.66 * _tiling_noise(draw, 9.0), ((0, 2), (0, 2)), mode="wrap"),
        draw.random(1024).astype(np.float32),
        draw.standard_normal((192, 320, 3)).astype(np.float32),
        tuple(_crown(draw, rough) for _ in range(12)),
    )


# Ground, facades and sky: every pixel has a material

AIR, ASPHALT, PAINT, KERB, GRASS, STONES, JOINT, LEAVES, SHOP, LIT, GLASS, FACADES = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    20,
)
"""Materials; GLASS has eight shades, and from FACADES on each house has wall, trim and roof."""
_CLASS_OF = np.full(256, BUILDING, np.uint8)
_CLASS_OF[:SHOP] = (SKY, ROAD, MARKING, PAVEMENT, VEGETATION, PAVEMENT, PAVEMENT, VEGETATION)
_GRAIN = np.full(256, 0.06, np.float32)
"""How strongly noise shows on each material."""
_GRAIN[:GLASS] = (0, 0.11, 0.09, 0.06, 0.21, 0.08, 0.08, 0.33, 0.1, 0)


def _palette(scene: Scene) -> Floats:
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


class _Wall(NamedTuple):
    """What the ray of each column meets on one side; arrays of (columns,)."""

    z: Floats
    along: Floats
    segment: npt.NDArray[np.intp]


def _wall(scene: Scene, camera: Camera, side: int, slope: Floats) -> _Wall:
    """Meet the facades of one side; a ray through a gap meets the front of the next house."""
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


def _facades(scene: Scene, camera: Camera, rows: Floats, columns: Floats) -> tuple[Array, Floats, Floats, Floats]:
    """Return the material of every pixel as if there were no ground, and (z, along) of columns and height of pixels."""
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
    # Windows finer than four points would flicker; they blur into the wall.
    fine = (pitch * camera.focal / z > 4) & ~end & ~hedge
    across = along / pitch
    column_of = np.floor(across)
    inside = fine & (np.abs(across - column_of - 0.5) < 0.24)
    up = (y - 0.9) / floor
    floor_of = np.floor(up)
    within = np.abs(up - floor_of - 0.42) < 0.27
    sill = fine & (up - floor_of > 0.9)
    np.add(material, 1, out=material, where=sill)
    window = inside & within & (y < top - eaves - 0.3)
    panes = np.where(chance < scene.light.lit, LIT, GLASS + (chance * 8).astype(np.uint8)).astype(np.uint8)
    seen = np.flatnonzero(window)
    key = (column_of * 37 + number * 101 + scene.seed).astype(np.int64)[seen % len(columns)]
    np.put(material, seen, panes[key + 17 * np.take(floor_of, seen).astype(np.int64) & 1023])
    shop = fine & (ground > 0) & (np.abs(across - column_of - 0.5) < 0.42)
    np.copyto(material, np.uint8(LIT if scene.light.lit > 0.15 else SHOP), where=shop & (y > 0.3) & (y < 2.7))
    np.copyto(material, base + np.uint8(2), where=(y > top - eaves) & ~end)
    np.copyto(material, np.uint8(LEAVES), where=np.broadcast_to(hedge, y.shape))
    if not scene.skyline[1]:
        np.copyto(material, np.uint8(LEAVES), where=np.broadcast_to(end, y.shape))
    np.copyto(material, np.uint8(AIR), where=y > top)
    return material, z.astype(np.float32), along.astype(np.float32), y.astype(np.float32, copy=False)


_ACROSS = np.array([ASPHALT, KERB, GRASS, STONES], np.uint8)
"""What the ground is made of, from the middle of the road outwards."""


def _ground(scene: Scene, d: Floats, s: Floats, z: Floats) -> Array:
    """Return the material of the ground at places d (rows, columns), s and z (rows, 1)."""
    away = np.abs(d)
    kerb = scene.half_width
    material = (away > kerb).astype(np.uint8)
    material += away > kerb + 0.2
    material += away > kerb + 0.2 + scene.verge
    material = _ACROSS[material]
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
    """Return what is left of the light on the ground, (rows from `first` on, columns)."""
    cast = np.zeros(shape, np.uint8)
    light = scene.light

    def quad(corners: Sequence[tuple[float, float]], depth: float) -> None:
        nearest = camera.s + NEAR * 0.6
        points = [camera.point(d, 0, max(s, nearest)) for d, s in corners]
        cv2.fillConvexPoly(cast, _fixed(points), (255 * depth,), cv2.LINE_8, 3)

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


def _background(
    scene: Scene, camera: Camera, actors: Sequence[Actor], shape: tuple[int, int]
) -> tuple[Array, Array, Floats]:
    """Return picture and label without actors, and the distance at which each column ends."""
    light = scene.light
    rows, columns = (np.arange(count, dtype=np.float32) + 0.5 for count in shape)
    material, z, along, upward = _facades(scene, camera, rows, columns)
    distance, across = (np.broadcast_to(values, shape).copy() for values in (z, along))
    first = min(max(int(camera.v) + 1, 0), shape[0])
    depth = camera.focal * camera.eye / np.maximum(rows[first:, None] - camera.v, 0.3)
    d = (columns - camera.u) * (depth / camera.focal) + (camera.d - camera.bend * depth * depth)
    s = depth + camera.s
    on_ground = upward[first:] < 0
    np.copyto(material[first:], _ground(scene, d, s, depth), where=on_ground)
    for whole, ground in ((distance, depth), (across, d), (upward, s)):
        np.copyto(whole[first:], ground, where=on_ground)

    noise = _grain(across, upward, scene.seed)
    brightness = 1 + noise * cv2.LUT(material, _GRAIN) / (1 + distance / 40)
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
    palette = _palette(scene)
    planes = [cv2.LUT(material, palette[:, c]) * brightness + (1 - clear) * air[:, c, None] for c in range(3)]
    if light.clouds > 0.05:
        cover, white = _clouds(scene, shape)
        cover = cover[:first] * sky[:first]
        for plane, value in zip(planes, white, strict=True):
            plane[:first] += cover * (value - plane[:first])
    picture = cv2.convertScaleAbs(cv2.merge(planes))
    return picture, cv2.LUT(material, _CLASS_OF).astype(np.uint8), z


def _grain(across: Floats, upward: Floats, seed: int) -> Floats:
    """Look places up in the texture, 13 points a metre; both arrays are used up."""
    # OpenCV's own wrapping takes seven times as long.
    for places, shift in ((across, seed % 256), (upward, 0)):
        places *= 13 / 256
        places += shift / 256
        places -= np.floor(places)
        places *= 256
    return np.asarray(cv2.remap(textures().grain, across, upward, cv2.INTER_LINEAR), np.float32)


def _air(light: Light, camera: Camera, rows: Floats) -> Floats:
    """Return the colour of the air in each row, (rows, 3): the horizon's, and further up the sky's."""
    rise = np.clip((camera.v - rows) / (0.55 * len(rows)), 0, 1)[:, None] ** 0.7
    air: Floats = np.asarray(light.horizon, np.float32) * (1 - rise) + np.asarray(light.zenith, np.float32) * rise
    return air


def _clouds(scene: Scene, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return how much of the sky clouds hide, (rows, columns), and their colour."""
    light, shift = scene.light, scene.seed % 97
    patch = textures().grain[shift : shift + 60, shift : shift + 44]
    soft = cv2.resize(cv2.blur(patch, (5, 5)), (shape[1] // 8, shape[0] // 8))
    cover = np.clip(soft * 0.4 + (light.clouds - 0.35), 0, 0.8)
    white = 0.35 * np.asarray(light.horizon) + 0.65 * np.minimum(250 * np.asarray(light.gain), 252)
    return cv2.resize(cover, shape[::-1]).astype(np.float32), white.astype(np.float32)


# What stands on the ground


def _fixed(points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    """Return points as OpenCV wants them, with three fractional bits."""
    return (np.array(points) * 8).astype(np.int32)


class _Canvas:
    """Picture and label at twice the size, and the camera that looks at them."""

    def __init__(self, picture: Array, label: Array, camera: Camera, light: Light) -> None:
        self.picture = picture
        self.label = label
        self.camera = camera
        self.light = light
        self.clear = 1.0

    def move_to(self, z: float) -> None:
        """Let everything that follows be seen through `z` metres of air."""
        self.clear = math.exp(-self.light.haze * z)

    def tint(self, colour: Colour, shine: bool = False) -> Colour:
        """Return a colour as it is seen from here; what shines itself needs no daylight."""
        clear = self.clear
        gain, air = (1.0, 1.0, 1.0) if shine else self.light.gain, self.light.horizon
        return (
            min(255.0, colour[0] * gain[0] * clear + air[0] * (1 - clear)),
            min(255.0, colour[1] * gain[1] * clear + air[1] * (1 - clear)),
            min(255.0, colour[2] * gain[2] * clear + air[2] * (1 - clear)),
        )

    def polygon(
        self, points: Sequence[tuple[float, float]], colour: Colour, label: int | None, shine: bool = False
    ) -> None:
        """Fill a convex polygon; label None leaves the class as it is."""
        corners = _fixed(points)
        cv2.fillConvexPoly(self.picture, corners, self.tint(colour, shine), cv2.LINE_8, 3)
        if label is not None:
            cv2.fillConvexPoly(self.label, corners, (label,), cv2.LINE_8, 3)

    def disc(self, place: tuple[float, float], radius: float, colour: Colour, label: int | None) -> None:
        """Fill a circle."""
        centre, size = (int(place[0] * 8), int(place[1] * 8)), max(1, int(radius * 8))
        if max(map(abs, centre)) < 16000:
            cv2.circle(self.picture, centre, size, self.tint(colour), -1, cv2.LINE_8, 3)
            if label is not None:
                cv2.circle(self.label, centre, size, (label,), -1, cv2.LINE_8, 3)


def _dark(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


_GLASS: Colour = (46, 56, 66)
_TYRE: Colour = (26, 26, 28)


def _car(canvas: _Canvas, car: Actor) -> None:
    """Draw a car that drives along the road; variant 0 shows its rear, 1 its front, 2 the rear of a van."""
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
    close = camera.focal / (car.s - camera.s) > 8  # details finer than a point would only cost time
    for hub in (0.2, 0.8) if close else ():
        spokes = [(0.085, 0.3), (0.06, 0.53), (-0.06, 0.53), (-0.085, 0.3), (-0.06, 0.06), (0.06, 0.06)]
        canvas.polygon([at(x, y, hub + share) for share, y in spokes], _TYRE, CAR)
    # The face turned to the camera: tyres, cabin, window, body, lights, plate.
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


def _crossing_car(canvas: _Canvas, car: Actor) -> None:
    """Draw a car seen from its side; it faces to where it drives."""
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


def _pedestrian(canvas: _Canvas, person: Actor) -> None:
    """Draw a walker: colours are of coat, trousers and skin."""
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


def _stem(canvas: _Canvas, thing: Actor, top: float, width: float, label: int, colour: Colour) -> None:
    point, d, s = canvas.camera.point, thing.d, thing.s
    for offset, shade, name in ((0.0, 0.8, label), (-0.25 * width, 1.1, None)):
        half = width / 2 + offset
        corners = ((-width / 2, 0.0), (half, 0.0), (half * 0.9, top), (-width / 2 * 0.9, top))
        canvas.polygon([point(d + x, y, s) for x, y in corners], _dark(colour, shade), name)


def _lamp(canvas: _Canvas, lamp: Actor) -> None:
    """Draw a post; variant 1 carries a street lamp on an arm over the road."""
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


def _sign(canvas: _Canvas, sign: Actor) -> None:
    """Draw a traffic sign on its post: a ban, a warning, an order, a square, a give-way, a priority road."""
    _stem(canvas, sign, sign.height, 0.11, POLE, (150, 152, 154))
    u, v = canvas.camera.point(sign.d, sign.height, sign.s)
    size = canvas.camera.focal * sign.width / 2 / (sign.s - canvas.camera.s)

    def plate(points: Sequence[tuple[float, float]], scale: float, colour: Colour) -> None:
        canvas.polygon([(u + x * size * scale, v - y * size * scale) for x, y in points], colour, SIGN)

    triangle = [(-1.1, -0.75), (1.1, -0.75), (0.0, 1.1)]
    square = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
    if sign.variant == 0:
        canvas.disc((u, v), size, _RED, SIGN)
        canvas.disc((u, v), 0.68 * size, _WHITE, SIGN)
    elif sign.variant == 1:
        plate(triangle, 1.0, _RED)
        plate(triangle, 0.58, _WHITE)
    elif sign.variant == 2:
        canvas.disc((u, v), size, _BLUE, SIGN)
        plate([(-0.15, -0.6), (0.15, -0.6), (0.15, 0.6), (-0.15, 0.6)], 1.0, _WHITE)
    elif sign.variant == 3:
        plate(square, 1.0, _BLUE)
        plate(square, 0.5, _WHITE)
    elif sign.variant == 4:
        plate([(x, -y) for x, y in triangle], 1.0, _RED)
        plate([(x, -y) for x, y in triangle], 0.58, _WHITE)
    else:
        plate([(-1.1, 0.0), (0.0, -1.1), (1.1, 0.0), (0.0, 1.1)], 1.0, _WHITE)
        plate([(-1.1, 0.0), (0.0, -1.1), (1.1, 0.0), (0.0, 1.1)], 0.7, _YELLOW)


def _tree(canvas: _Canvas, tree: Actor) -> None:
    """Draw trunk and crown."""
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
    # Only the part within the picture is enlarged.
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
    "pedestrian": _pedestrian,
    "lamp": _lamp,
    "sign": _sign,
    "tree": _tree,
}


def draw(scene: Scene, frame: int, size: tuple[int, int], grain: tuple[int, int] = (0, 0)) -> tuple[Array, Array]:
    """Draw a frame.

    Args:
        scene: what there is to see.
        frame: its number; the camera and all that moves are `frame` steps further.
        size: (height, width) of the picture.
        grain: where in its pattern the sensor's noise begins, (row, column).

    Returns:
        (picture, label): (H, W, 3) uint8 RGB and (H, W) uint8 classes with 255 where a pixel shows more than one.
    """
    height, width = 2 * size[0], 2 * size[1]
    wobble = 0.004 * math.sin(1.7 * frame + scene.seed)
    camera = Camera(
        scene.view * width, width / 2, (0.5 - scene.pitch + wobble) * height, scene.eye, scene.d, scene.step * frame,
        scene.bend,
    )  # fmt: skip
    present = [actor.at(frame) for actor in scene.actors]
    present = sorted((a for a in present if NEAR < a.s - camera.s < FAR), key=lambda actor: -actor.s)
    picture, label, ends = _background(scene, camera, present, (height, width))
    canvas = _Canvas(picture, label, camera, scene.light)
    for actor in present:
        z = actor.s - camera.s
        column = int(camera.point(actor.d, 0, actor.s)[0])
        canvas.move_to(z)
        # A bend or the corner of a side street hides what is behind its houses.
        hidden = ends < z - 1
        if actor.kind == "crossing car":
            before = picture[:, hidden], label[:, hidden]
            _crossing_car(canvas, actor)
            picture[:, hidden], label[:, hidden] = before
        elif not (0 <= column < width and hidden[column]):
            _DRAW[actor.kind](canvas, actor)
    return _expose(canvas.picture, size, scene.light.noise, grain), _merge(canvas.label)


def _expose(picture: Array, size: tuple[int, int], noise: float, grain: tuple[int, int]) -> Array:
    """Return the mean of 2 x 2 points with the sensor's noise."""
    small = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
    pattern = textures().sensor
    rows = (np.arange(size[0]) + grain[0]) % pattern.shape[0]
    columns = (np.arange(size[1]) + grain[1]) % pattern.shape[1]
    return cv2.add(small, noise * pattern[rows[:, None], columns], dtype=cv2.CV_8U).astype(np.uint8)


def _merge(label: Array) -> Array:
    """Return the class on which the 2 x 2 points of a pixel agree, else void."""
    a, b, c, d = label[::2, ::2], label[::2, 1::2], label[1::2, ::2], label[1::2, 1::2]
    merged: Array = np.where((a == b) & (a == c) & (a == d), a, np.uint8(VOID))
    return merged
