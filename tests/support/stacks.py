"""Folders of images without a test set: a smooth stack, groups of duplicates, sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.data.images import Array
from tests.support.pictures import scene


def slices(count: int, seed: int = 0) -> list[Array]:
    """A stack of (48, 64, 3) slices as a scanner gives them: neighbours are alike, distant ones are not."""
    draws = np.random.default_rng(seed)
    corners = [np.asarray(Image.fromarray(scene(int(draws.integers(1 << 30)))), np.float64) for _ in range(6)]
    places = np.linspace(0, len(corners) - 1.001, count)
    blends = [(1 - place % 1) * corners[int(place)] + place % 1 * corners[int(place) + 1] for place in places]
    return [np.clip(blend + draws.normal(0, 2, blend.shape), 0, 255).astype(np.uint8) for blend in blends]


def write(root: Path, images: dict[str, Array]) -> Path:
    """Write images by name to ROOT/images, and masks of two classes to ROOT/masks."""
    for name, pixels in images.items():
        for folder, content in (("images", pixels), ("masks", (pixels[..., 0] > 120).astype(np.uint8))):
            path = root / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(path)
    return root


def stack(root: Path, count: int = 60, name: str = "slice_{}") -> Path:
    """A smooth stack in files that its numbers order, or not."""
    return write(root, {name.format(number): pixels for number, pixels in enumerate(slices(count))})


def duplicates(root: Path, groups: int = 10, each: int = 4) -> Path:
    """Groups of near-duplicates: scenes with noise, in no order."""
    draws = np.random.default_rng(5)
    images = {}
    for number in draws.permutation(groups * each).tolist():
        pixels = scene(number // each) + draws.normal(0, 4, (48, 64, 1))
        images[f"p{draws.integers(1 << 30):010d}x"] = np.clip(pixels, 0, 255).astype(np.uint8)
    return write(root, images)


def videos(root: Path, sequences: int = 10, each: int = 4) -> Path:
    """Sequences of neighbouring frames, `v0_0` and so on."""
    images = {}
    for number in range(sequences):
        for frame, pixels in enumerate(slices(6 * each, seed=number)[:each]):
            images[f"v{number}_{frame}"] = pixels
    return write(root, images)


PATTERN = r"(?P<sequence>v\d+)_(?P<frame>\d+)"
