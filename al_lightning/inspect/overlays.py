"""A predicted mask over its image, with a legend of its classes. NumPy and Pillow only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from al_lightning.drawing import INK, PAPER, Array, blend, colour, font, one_line

_LINE, _GAP, _SWATCH = 16, 4, 10


def palette_image(label: Array, palette: Array) -> Image.Image:
    """Return a label, (H, W) uint8, as a palette picture: pixel values are class ids, and 255 (ignore) is black."""
    picture = Image.fromarray(label)  # of mode L
    picture.putpalette(colour(np.arange(256, dtype=np.uint8), palette).tobytes())
    return picture


def overlay(image: Array, label: Array, palette: Array, names: Sequence[str]) -> Array:
    """Return an image with a label over it, and beneath it a legend of the label's classes, the largest first.

    Args:
        image: (H, W, 3) uint8.
        label: (H, W) uint8, a class per pixel; ignored pixels (255) do not change.
        palette: (C, 3) uint8.
        names: C names of classes.

    Returns:
        (H + legend, W or more, 3) uint8.
    """
    counts = np.bincount(label[label < len(names)], minlength=len(names))
    order = [int(index) for index in np.argsort(-counts, kind="stable") if counts[index]]
    texts = [one_line(f"{names[index]} {counts[index] / label.size:.1%}") for index in order]
    entries = [_SWATCH + 2 * _GAP + round(font().getlength(text)) + _GAP for text in texts]
    width = max([image.shape[1], *(entry + _GAP for entry in entries)])
    places, x, row = [], _GAP, 0
    for entry in entries:
        if x > _GAP and x + entry > width:
            x, row = _GAP, row + 1
        places.append((x, row))
        x += entry
    height = image.shape[0] + (_GAP + (row + 1) * _LINE if texts else 0)
    page = Image.new("RGB", (width, height), PAPER)
    page.paste(Image.fromarray(blend(image, label, palette)), (0, 0))
    draw = ImageDraw.Draw(page)
    for index, text, (left, line) in zip(order, texts, places, strict=True):
        top = image.shape[0] + _GAP + line * _LINE
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), fill=tuple(int(part) for part in palette[index]))
        draw.text((left + _SWATCH + _GAP, top - 1), text, fill=INK, font=font())
    return np.asarray(page)
