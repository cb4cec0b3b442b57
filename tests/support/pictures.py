"""Pictures that look different, and sets of which it is known what looks alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from al_lightning.duplicates.descriptor import EDGES, GREY, SCALE, Array, Descriptor, Descriptors
from al_lightning.duplicates.image_set import DescribedImages

REACH = 5
"""Frames of one scene are near-duplicates up to so far apart: 25 degrees, cosine 0.906; 30 degrees have 0.866."""


def scene(seed: int, height: int = 48, width: int = 64) -> Array:
    """A picture of its own: coloured boxes on a gradient."""
    draws = np.random.default_rng(seed)
    image = np.tile(np.linspace(*draws.uniform(40, 200, 2), width)[None, :, None], (height, 1, 3))
    for _ in range(12):
        y, x = draws.integers(0, height - 8), draws.integers(0, width - 8)
        image[y : y + draws.integers(6, 24), x : x + draws.integers(6, 24)] = draws.uniform(0, 255, 3)
    return image.astype(np.uint8)


class Frames(DescribedImages):
    """Images whose descriptors turn by 5 degrees a frame, those of each scene in a plane of their own.

    Args:
        frames: of each image, at most 60 apart, for a turn is 72.
        scenes: of each image, below 128; all of one by default.
    """

    def __init__(self, frames: Sequence[int], scenes: Sequence[int] | None = None) -> None:
        super().__init__(lambda index: scene(index))
        self.frames, self.scenes = frames, scenes or [0] * len(frames)
        self.asked: list[int] = []

    def descriptors(self, positions: Iterable[int]) -> Descriptors:
        made = []
        for index in positions:
            self.asked.append(int(index))
            angle, plane = np.radians(5 * self.frames[index]), slice(2 * self.scenes[index], 2 * self.scenes[index] + 2)
            parts = [np.zeros(size, np.int16) for size in (EDGES, GREY)]
            for part in parts:
                part[plane] = np.rint(SCALE * np.array([np.cos(angle), np.sin(angle)]))
            made.append(Descriptor(1000 * self.scenes[index] + self.frames[index], *parts))
        return Descriptors.of(made)
