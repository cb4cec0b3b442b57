"""Pools cut from video: drawn frames with consecutive frames, or with augmented copies."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.data.augmentation import colour_jitter
from al_lightning.data.images import Array, Images
from al_lightning.seeding import generator


def draw_frames(sequence: Sequence[int], count: int, follow: int, seed: int) -> list[int]:
    """Draw frames so that the clips of a drawn frame and its next `follow` frames do not overlap.

    Frames are visited in a random order that is the same for every `follow`. A frame is drawn where its clip lies in
    one sequence and is free. So pools of different kinds share their first frames as far as possible.

    Args:
        sequence: (N,) sequence of each frame; the frames of a sequence are adjacent and in the order of time.
        count: frames to draw.
        follow: frames that come with each drawn frame.
        seed: seed of the draw.

    Returns:
        Positions of the drawn frames, in the order of drawing; fewer than `count` where no more fit.
    """
    free = np.ones(len(sequence), dtype=bool)
    drawn: list[int] = []
    for start in generator("a2d2/pool", seed).permutation(len(sequence)).tolist():
        if len(drawn) == count:
            break
        last = start + follow
        if last < len(sequence) and sequence[start] == sequence[last] and free[start : last + 1].all():
            free[start : last + 1] = False
            drawn.append(start)
    return drawn


class CopiedImages(Images):
    """Each image, followed by its augmented copies: crops of 85 % of the area at the original size, with colour jitter.

    Brightness, contrast and saturation vary by a quarter, the channels by 6 % against each other. A copy is a function
    of (seed, key of the original, number of the copy).

    Args:
        originals: the images to copy.
        copies: number of copies of each image.
        seed: seed of the copies.
        keys: a name of each original that does not depend on the folder of the data.
    """

    def __init__(self, originals: Images, copies: int, seed: int, keys: Sequence[str]) -> None:
        self.originals = originals
        self.copies = copies
        self.seed = seed
        self.keys = keys

    def __len__(self) -> int:
        return len(self.originals) * (self.copies + 1)

    def _entry(self, index: int) -> tuple[int, int]:
        """Return the position of the original, and the number of the copy, 0 for the original itself."""
        return divmod(index, self.copies + 1)

    def image(self, index: int) -> Array:
        """Return the original, or a copy."""
        position, number = self._entry(index)
        image = self.originals.image(position)
        if not number:
            return image
        draws = self._draws(index)
        crop = np.asarray(_crop(image, draws, Image.Resampling.BILINEAR))
        return colour_jitter(crop, draws.uniform(0.75, 1.25, 3).astype(np.float32), draws.uniform(0.94, 1.06, 3))

    def label(self, index: int) -> Array:
        """Return the original's classes, or those of a copy's crop."""
        position, number = self._entry(index)
        label = np.asarray(self.originals.label(position), dtype=np.uint8)
        return label if not number else np.asarray(_crop(label, self._draws(index), Image.Resampling.NEAREST))

    def check(self, index: int) -> tuple[int, int] | None:
        """Look at the header of the original's file; a copy has its size."""
        return self.originals.check(self._entry(index)[0])

    def _draws(self, index: int) -> np.random.Generator:
        position, number = self._entry(index)
        return generator("a2d2/copy", self.seed, zlib.crc32(self.keys[position].encode()), number)

    def sources(self, index: int) -> Sequence[Path]:
        """Return the original's files."""
        return self.originals.sources(self._entry(index)[0])

    def name(self, index: int) -> str:
        """Return the original's name, and the copy's number."""
        position, number = self._entry(index)
        return f"{self.originals.name(position)}{f', copy {number}' if number else ''}"


def _crop(pixels: Array, draws: np.random.Generator, resampling: Image.Resampling) -> Image.Image:
    """Return a random crop of 85 % of the area, resized to the original size; the first two draws place it."""
    height, width = pixels.shape[:2]
    high, wide = (max(1, round(math.sqrt(0.85) * side)) for side in (height, width))
    y, x = int(draws.integers(height - high + 1)), int(draws.integers(width - wide + 1))
    return Image.fromarray(pixels).resize((width, height), resampling, box=(x, y, x + wide, y + high))
