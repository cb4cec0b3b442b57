"""The pictures of a report's frames, and of their labels, in one file each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from al_lightning.data.images import Images
from al_lightning.drawing import palette, shrink
from al_lightning.inspect.overlays import palette_image

COLUMNS = 20
"""Frames in a row."""


@dataclass(frozen=True)
class Sprite:
    """Frames in one picture, and their labels in another; a page shows parts of both.

    Attributes:
        place: the cell of each position.
        shape: (height, width) of a cell, in pixels.
        rows: number of rows of cells.
        images: JPEG data URI.
        labels: PNG data URI; empty where there is a class per image.
        coarse: whether images are so small that they are shown with visible pixels.
    """

    place: dict[int, int]
    shape: tuple[int, int]
    rows: int
    images: str
    labels: str
    coarse: bool

    def at(self, index: int) -> str:
        """Return the CSS background position of a frame."""
        row, column = divmod(self.place[index], COLUMNS)
        return f"{100 * column / (COLUMNS - 1):.4g}% {100 * row / max(1, self.rows - 1):.4g}%"


def draw(images: Images, shown: Sequence[int], classes: int, per_pixel: bool) -> Sprite:
    """Draw all frames and labels into cells of one size, which depends on the first frame and the number of frames.

    Args:
        images: of the pool.
        shown: their positions, one or more.
        classes: number of classes.
        per_pixel: whether labels are drawn, too.
    """
    first = images.image(shown[0])
    coarse = first.shape[0] < 32
    height = 32 if coarse else min(first.shape[0], 60 if len(shown) <= 600 else 40)
    width = min(3 * height, max(8, round(first.shape[1] * height / first.shape[0])))
    rows = -(-len(shown) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * width, rows * height), (128, 128, 128))
    masks = Image.new("L", page.size, 255)
    for cell, index in enumerate(shown):
        image = images.image(index)
        scale = min(height / image.shape[0], width / image.shape[1])
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        corner = (cell % COLUMNS * width + (width - size[0]) // 2, cell // COLUMNS * height + (height - size[1]) // 2)
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BILINEAR
        page.paste(Image.fromarray(shrink(image, 2 * height)).resize(size, how), corner)
        if per_pixel:
            mask = Image.fromarray(np.asarray(images.label(index), dtype=np.uint8))
            masks.paste(mask.resize(size, Image.Resampling.NEAREST), corner)
    labels = _data_uri(palette_image(np.asarray(masks), palette(classes)), "png") if per_pixel else ""
    place = {index: cell for cell, index in enumerate(shown)}
    return Sprite(place, (height, width), rows, _data_uri(page, "jpeg"), labels, coarse)


def _data_uri(picture: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **({"quality": 74} if kind == "jpeg" else {"optimize": True}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
