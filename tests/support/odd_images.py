"""Image files that hold several images, that cameras stored turned, or that are too large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.exif import ORIENTATION, TURNS

BACK = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""By orientation: the one whose turn makes the stored pixels of an upright picture."""


def noise(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def several(path: Path, count: int = 3) -> Path:
    """A stack or an animation of `count` pictures; its format follows from the ending (.apng: an animated .png)."""
    first, *rest = (Image.fromarray(noise(number)) for number in range(count))
    form = {".tif": "TIFF", ".gif": "GIF", ".png": "PNG", ".webp": "WEBP"}[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    first.save(path, form, save_all=True, append_images=rest)
    return path


def photograph(path: Path, upright: np.ndarray, orientation: int) -> Path:
    """A picture as a camera stores it that was held otherwise."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(upright)
    if orientation != 1:
        stored = stored.transpose(TURNS[BACK[orientation]])
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.save(path, exif=exif, **({"quality": 95} if path.suffix == ".jpg" else {}))
    return path
