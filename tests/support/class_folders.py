"""Images in a folder for each class."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_class_folders(root: Path) -> Path:
    """Write three classes of coloured noise, 12 x 12: 10 images each to train on, 4 to test."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for number, name in enumerate(("blue", "green", "red")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for position in range(count):
                pixels = draw.integers(0, 80, (12, 12, 3), dtype=np.uint8)
                pixels[..., 2 - number] += 150
                Image.fromarray(pixels).save(folder / f"{position:02d}.png")
    return root
