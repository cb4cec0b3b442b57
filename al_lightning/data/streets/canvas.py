"""A canvas that fills shapes in picture and label at once, with the light and haze of a scene."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from al_lightning.data.streets.types import Array, Camera, Colour, Light


def fixed_point(points: Sequence[tuple[float, float]]) -> npt.NDArray[np.int32]:
    """Return points in OpenCV's fixed-point format, with three fractional bits."""
    return np.multiply(points, 8).astype(np.int32)


class Canvas:
    """Picture and label at twice the final size, with the camera and the light of the scene."""

    def __init__(self, picture: Array, label: Array, camera: Camera, light: Light) -> None:
        self.picture = picture
        self.label = label
        self.camera = camera
        self.light = light
        self.clear = 1.0

    def move_to(self, z: float) -> None:
        """Set the distance of the following shapes, in metres, for the haze."""
        self.clear = math.exp(-self.light.haze * z)

    def tint(self, colour: Colour, shine: bool = False) -> Colour:
        """Return a colour with light and haze; a shining object is independent of daylight."""
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
        """Fill a convex polygon; label None does not change the class."""
        corners = fixed_point(points)
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
