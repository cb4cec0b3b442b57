"""The parts of a street scene: classes, light, street, actors and camera.

Places are in metres: `d` across the road (from its middle, positive to the right), `s` along the road, and `y` above
the ground. `z` is the distance ahead of the camera, s minus the camera's s. Pictures are computed at twice the final
size, so that a pixel of the result has 2 x 2 sub-pixels.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

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
"""Distance of the skyline, in metres."""
NEAR = 2.5
"""Objects nearer than this, in metres, are not drawn."""


class Light(NamedTuple):
    """Light and air of a scene.

    Attributes:
        gain: factor on the three channels of all that does not shine.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon, and of the haze.
        clouds: share of cloud in the sky, 0 to 1.
        sun: side of the sun, -1 or 1.
        shadow: share of the light that a shadow removes, 0 to 1.
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
    """A part of one side of the street, from `start` to the start of the next segment."""

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
    """An object on the ground, standing or moving.

    Attributes:
        kind: kind of the object.
        d: place across the road at frame 0, in metres.
        s: place along the road at frame 0, in metres.
        height: in metres.
        width: in metres.
        length: along its own axis, in metres.
        colours: one to three colours, whose meaning depends on the kind.
        speed: (across, along) in metres per frame.
        variant: number of its appearance.
        phase: phase of a pedestrian's gait, in radians; trees above 0.5 are mirrored.
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
        """Return the actor at its place in a frame."""
        gait = 0.55 * frame if self.kind == "pedestrian" else 0.0
        across, along = self.speed
        return self._replace(d=self.d + frame * across, s=self.s + frame * along, phase=self.phase + gait)


class Scene(NamedTuple):
    """A street with actors, and a camera that drives along it.

    Attributes:
        light: light of the scene.
        sides: segments on the left and on the right; the last segment reaches to the horizon.
        actors: objects on the ground.
        half_width: from the middle of the road to the kerb, in metres.
        verge: width of the grass strip behind the kerb, in metres.
        walk: width of the pavement, in metres.
        dash: (length, period) of the dashes in the middle, in metres.
        edge: whether a line runs along the kerb.
        crosswalk: place along the road where a zebra crossing begins, or None.
        asphalt: colour of the road.
        stones: colour of the pavement.
        skyline: height of the skyline at the end of the street, in metres, and whether it has buildings.
        bend: curvature of the road; its middle is `bend * distance**2` to the right.
        pitch: rise of the horizon above the middle of the picture, as a share of its height.
        view: focal length as a share of the width.
        eye: height of the camera, in metres.
        d: place of the camera across the road, in metres.
        step: metres that the camera moves per frame.
        seed: shift of all textures.
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
    """The place of the camera, and its projection to the enlarged picture.

    Attributes:
        focal: focal length, in sub-pixels.
        u: column of the vanishing point, in sub-pixels.
        v: row of the horizon, in sub-pixels.
        eye: height of the camera, in metres.
        d: place of the camera across the road, in metres.
        s: place of the camera along the road, in metres.
        bend: curvature of the road; its middle is `bend * z**2` to the right.
    """

    focal: float
    u: float
    v: float
    eye: float
    d: float
    s: float
    bend: float

    def point(self, d: float, y: float, s: float) -> tuple[float, float]:
        """Return (column, row) of a place, in sub-pixels."""
        z = s - self.s
        return (
            self.u + self.focal * (d - self.d + self.bend * z * z) / z,
            self.v + self.focal * (self.eye - y) / z,
        )
