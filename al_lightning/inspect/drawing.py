"""Images and labels as pictures for people: colours, thumbnails, contact sheets. NumPy and Pillow only."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from al_lightning.data.images import Array

# Neighbours in this list differ in hue and lightness, so that few classes, the usual case, are told apart at a glance.
_FIRST = (
    (128, 96, 152), (240, 222, 98), (226, 140, 186), (170, 110, 72), (88, 158, 84), (134, 196, 240),
    (48, 84, 200), (222, 52, 48), (236, 236, 236), (250, 158, 44), (44, 190, 178), (136, 138, 144),
    (154, 24, 92), (180, 222, 62), (104, 62, 28), (26, 112, 118), (255, 188, 168), (92, 30, 200),
)  # fmt: skip
_GOLDEN = 0.6180339887  # steps of the golden ratio never come back to a hue
_GREY = 128


def palette(num_classes: int) -> Array:
    """Return a colour for each class.

    Args:
        num_classes: C.

    Returns:
        (C, 3) uint8, all different and none of them black, which `colour` keeps for ignored pixels.
    """
    colours = list(_FIRST[:num_classes])
    number = 0
    while len(colours) < num_classes:
        lightness, saturation = (0.62, 0.42, 0.75)[number % 3], (0.85, 0.55)[number // 3 % 2]
        rgb = colorsys.hls_to_rgb((number * _GOLDEN) % 1, lightness, saturation)
        red, green, blue = (round(255 * part) for part in rgb)
        if (red, green, blue) not in colours:
            colours.append((red, green, blue))
        number += 1
    return np.array(colours, dtype=np.uint8).reshape(num_classes, 3)


def colour(label: Array, palette: Array) -> Array:
    """Return a label as a picture.

    Args:
        label: (H, W) uint8, a class per pixel, 255 = ignore.
        palette: (C, 3) uint8, from `palette`.

    Returns:
        (H, W, 3) uint8; ignored pixels, and ids that the palette does not know, are black.
    """
    table = np.zeros((256, 3), dtype=np.uint8)
    known = palette[:255]
    table[: len(known)] = known
    return table[label]


def shrink(image: Array, height: int) -> Array:
    """Return an image at a smaller height, its shape kept; an image that is no higher comes back as it is.

    Args:
        image: (H, W, 3) uint8.
        height: wanted, in pixels.

    Returns:
        (h, w, 3) uint8.
    """
    if image.shape[0] <= height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


def sheet(images: Sequence[Array], columns: int, captions: Sequence[str] | None = None) -> Array:
    """Return a contact sheet: images row by row in cells of one size, each with a line of text beneath.

    Args:
        images: (h, w, 3) uint8 each; smaller ones are centred in their cell.
        columns: images a row.
        captions: a line for each image, cut where it is wider than the cell; none by default.

    Returns:
        (H, W, 3) uint8.
    """
    if not images:
        return np.full((1, 1, 3), _GREY, dtype=np.uint8)
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    font = ImageFont.load_default()
    line = 14 if captions is not None else 0
    gap, columns = 3, max(1, min(columns, len(images)))
    high, wide = (max(image.shape[axis] for image in images) for axis in (0, 1))
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (wide + gap) + gap, rows * (high + line + gap) + gap), (_GREY // 4,) * 3)
    draw = ImageDraw.Draw(page)
    for number, image in enumerate(images):
        x, y = gap + number % columns * (wide + gap), gap + number // columns * (high + line + gap)
        page.paste(Image.fromarray(image), (x + (wide - image.shape[1]) // 2, y + (high - image.shape[0]) // 2))
        if captions is not None:
            # ASCII only: what Pillow falls back to without FreeType has no more.
            text = captions[number].encode("ascii", "replace").decode()
            while text and draw.textlength(text, font=font) > wide:
                text = text[:-1]
            draw.text((x, y + high + 1), text, fill=(235, 235, 235), font=font)
    return np.asarray(page)
