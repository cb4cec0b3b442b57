"""Images and labels as pictures for people: colours, overlays, thumbnails, sheets of images. No torch.

Images are (H, W, 3) uint8. Labels are (H, W) uint8, a class per pixel, 255 = ignore. Palettes are (C, 3) uint8.
"""

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
"""Colours of the background and of text."""
SHARE = 0.5
"""Share of the label's colour in an overlay."""
# Neighbours in this list differ in hue and lightness: a few classes, the usual case, are easy to tell apart.
_FIRST = (
    (128, 96, 152), (240, 222, 98), (226, 140, 186), (170, 110, 72), (88, 158, 84), (134, 196, 240),
    (48, 84, 200), (222, 52, 48), (236, 236, 236), (250, 158, 44), (44, 190, 178), (136, 138, 144),
    (154, 24, 92), (180, 222, 62), (104, 62, 28), (26, 112, 118), (255, 188, 168), (92, 30, 200),
)  # fmt: skip
_GOLDEN = 0.6180339887  # steps of the golden ratio never repeat a hue
_GREY = 128


def palette(num_classes: int) -> Array:
    """Return a colour for each of C classes: all different, and none black, the colour of ignored pixels."""
    colours = list(_FIRST[:num_classes])
    number = 0
    while len(colours) < num_classes:
        lightness, saturation = (0.62, 0.42, 0.75)[number % 3], (0.85, 0.55)[number // 3 % 2]
        red, green, blue = colorsys.hls_to_rgb((number * _GOLDEN) % 1, lightness, saturation)
        rgb = (round(255 * red), round(255 * green), round(255 * blue))
        if rgb not in colours:
            colours.append(rgb)
        number += 1
    return np.array(colours, dtype=np.uint8).reshape(num_classes, 3)


def packed(pixels: Array) -> npt.NDArray[np.uint32]:
    """Return (H, W, 3) uint8 RGB as (H, W) 24-bit numbers, red first."""
    padded = np.zeros((*pixels.shape[:2], 4), dtype=np.uint8)
    padded[..., 2::-1] = pixels
    return padded.view("<u4")[..., 0]


def colour(label: Array, palette: Array) -> Array:
    """Return a label as a picture; ignored pixels and ids without a colour are black."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: min(len(palette), 255)] = palette[:255]
    return table[label]


def blend(image: Array, label: Array, palette: Array) -> Array:
    """Return an image with a label's colours over it; ignored pixels and ids without a colour do not change."""
    known, blended = label < len(palette), image.copy()
    blended[known] = np.rint((1 - SHARE) * image[known] + SHARE * palette[label[known]]).astype(np.uint8)
    return blended


def shrink(image: Array, height: int, width: int | None = None) -> Array:
    """Shrink an image to at most a height and a width in pixels, with its aspect ratio; never enlarge it."""
    scale = min(height / image.shape[0], 1 if width is None else width / image.shape[1])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def jpeg(image: Array) -> bytes:
    """Return an image as the content of a JPEG file with full colour resolution."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=85, subsampling=0)
    return file.getvalue()


@functools.cache
def font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return the font of all text in pictures."""
    return ImageFont.load_default()


def one_line(text: str, width: float | None = None) -> str:
    """Return a text for drawing: in ASCII, on one line, cut to a width in pixels."""
    # Pillow's font without FreeType has no letters beyond ASCII.
    line = text.encode("ascii", "replace").decode().replace("\n", " ")
    while width is not None and line and font().getlength(line) > width:
        line = line[:-1]
    return line


def sheet(images: Sequence[Array], columns: int, captions: Sequence[str]) -> Array:
    """Return a contact sheet: images row by row, each centred in a cell of the same size.

    Args:
        images: of any sizes.
        columns: images per row.
        captions: a line of text beneath each image, cut to the width of the cell.
    """
    if not images:
        return np.full((1, 1, 3), _GREY, dtype=np.uint8)
    line, gap, columns = 14, 3, max(1, min(columns, len(images)))
    high, wide = (max(image.shape[axis] for image in images) for axis in (0, 1))
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (wide + gap) + gap, rows * (high + line + gap) + gap), PAPER)
    draw = ImageDraw.Draw(page)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = gap + number % columns * (wide + gap), gap + number // columns * (high + line + gap)
        page.paste(Image.fromarray(image), (x + (wide - image.shape[1]) // 2, y + (high - image.shape[0]) // 2))
        draw.text((x, y + high + 1), one_line(caption, wide), fill=INK, font=font())
    return np.asarray(page)
