"""Images and labels as pictures for people: colours, overlays, thumbnails, sheets of images. No torch."""

from __future__ import annotations

import colorsys
import functools
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Array = npt.NDArray[np.uint8]
PAPER, INK = (32, 32, 32), (235, 235, 235)
"""Colours of what pictures and text are drawn on, and of text."""
SHARE = 0.5
"""Of a label's colour, where it lies over the image."""
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


def packed(pixels: Array) -> npt.NDArray[np.uint32]:
    """Return (H, W, 3) uint8 RGB as (H, W) 24-bit numbers, red first."""
    padded = np.zeros((*pixels.shape[:2], 4), dtype=np.uint8)
    padded[..., 2::-1] = pixels
    return padded.view("<u4")[..., 0]


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


def blend(image: Array, label: Array, palette: Array) -> Array:
    """Return an image with a label's colours over it.

    Args:
        image: (H, W, 3) uint8.
        label: (H, W) uint8, a class per pixel; pixels that the palette does not know (255 = ignore) stay as they are.
        palette: (C, 3) uint8.

    Returns:
        (H, W, 3) uint8.
    """
    known, blended = label < len(palette), image.copy()
    blended[known] = np.rint((1 - SHARE) * image[known] + SHARE * palette[label[known]]).astype(np.uint8)
    return blended


def shrink(image: Array, height: int, width: int | None = None) -> Array:
    """Return an image at a smaller size, its shape kept; an image that is no larger comes back as it is.

    Args:
        image: (H, W, 3) uint8.
        height: at most, in pixels.
        width: at most, in pixels; by default as the height gives it.

    Returns:
        (h, w, 3) uint8.
    """
    scale = min(height / image.shape[0], 1 if width is None else width / image.shape[1])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def jpeg(image: Array) -> bytes:
    """Return an image, (H, W, 3) uint8, as the content of a JPEG file; the colours of thin lines and text are kept."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=85, subsampling=0)
    return file.getvalue()


@functools.cache
def font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return the font of all text in pictures."""
    return ImageFont.load_default()


def one_line(text: str, width: float | None = None) -> str:
    """Return a text as it can be drawn: in ASCII, on one line, cut to a width in pixels."""
    # What Pillow falls back to without FreeType has no more than ASCII.
    line = " ".join(text.encode("ascii", "replace").decode().split("\n"))
    while width is not None and line and font().getlength(line) > width:
        line = line[:-1]
    return line


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
    line = 14 if captions is not None else 0
    gap, columns = 3, max(1, min(columns, len(images)))
    high, wide = (max(image.shape[axis] for image in images) for axis in (0, 1))
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (wide + gap) + gap, rows * (high + line + gap) + gap), PAPER)
    draw = ImageDraw.Draw(page)
    for number, image in enumerate(images):
        x, y = gap + number % columns * (wide + gap), gap + number // columns * (high + line + gap)
        page.paste(Image.fromarray(image), (x + (wide - image.shape[1]) // 2, y + (high - image.shape[0]) // 2))
        if captions is not None:
            draw.text((x, y + high + 1), one_line(captions[number], wide), fill=INK, font=font())
    return np.asarray(page)
