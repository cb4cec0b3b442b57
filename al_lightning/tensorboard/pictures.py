"""The pictures of TensorBoard's views: predictions for test images, chosen images, and bar charts of classes.

Images are (H, W, 3) uint8. Labels are (H, W) uint8, a class per pixel, 255 = ignore. Palettes are (C, 3) uint8.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from al_lightning import drawing
from al_lightning.data.images import Images
from al_lightning.drawing import INK, PAPER, Array, one_line

Colour = tuple[int, ...]
MAX_HEIGHT = 160
"""Height in pixels above which an image is shrunk."""
MIN_HEIGHT = 64
"""Height in pixels below which an image is enlarged by a whole factor."""
SHEET_WIDTH = 1100
"""Largest width of a sheet in pixels."""
MOST_BARS = 40
_NAMED = 110  # least width in pixels of an image whose name fits beneath it
_POOL: Colour = (150, 150, 150)
# Colours of matplotlib's magma, readable without colour vision: low entropy is dark, high entropy bright.
_HEAT = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))


class Bar(NamedTuple):
    """A line of a bar chart: its name, and (length, colour) of its bars, one below the other."""

    name: str
    bars: tuple[tuple[float, Colour], ...]


def encoded(picture: Array, photo: bool = True) -> bytes:
    """Return a picture as a small file: JPEG for photographs, PNG for charts.

    TensorBoard's checksum is plain Python and takes half a second per megabyte.
    """
    if photo:
        return drawing.jpeg(picture)
    file = io.BytesIO()
    Image.fromarray(picture).quantize(64).save(file, "PNG")
    return file.getvalue()


def fitted(image: Array, low: int = MIN_HEIGHT, high: int = MAX_HEIGHT) -> Array:
    """Return an image at a height from `low` to `high` pixels; enlarged pixels stay square."""
    factor = -(-low // image.shape[0])
    if factor < 2:
        return drawing.shrink(image, high)
    enlarged: Array = image.repeat(factor, axis=0).repeat(factor, axis=1)
    return enlarged


def heat(values: npt.NDArray[np.float32], top: float) -> Array:
    """Return (H, W) numbers between 0 and `top` as an image."""
    places = np.linspace(0, top, len(_HEAT))
    channels = [np.interp(values, places, [colour[channel] for colour in _HEAT]) for channel in range(3)]
    colours: Array = np.stack(channels, axis=-1).round().astype(np.uint8)
    return colours


def bars(title: str, lines: Sequence[Bar], width: int = 520) -> Array:
    """Return a bar chart of shares under a title, `width` pixels wide; the longest bar has the whole width."""
    font, line, thick = drawing.font(), 13, max((len(bar.bars) for bar in lines), default=1)
    names, numbers = 110, 44  # widths of the two columns of text
    row = line * thick + 5
    page = Image.new("RGB", (width, 22 + row * len(lines)), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((6, 4), one_line(title), fill=INK, font=font)
    longest = max((length for bar in lines for length, _ in bar.bars), default=0) or 1.0
    for number, bar in enumerate(lines):
        top = 22 + number * row
        draw.text((6, top + (row - 18) // 2), one_line(bar.name, names - 12), fill=INK, font=font)
        for place, (length, colour) in enumerate(bar.bars):
            y, end = top + place * line, names + round((width - names - numbers) * length / longest)
            if end > names:
                draw.rectangle((names, y, end, y + line - 3), fill=colour)
            draw.text((end + 5, y - 1), f"{100 * length:.1f} %", fill=INK, font=font)
    return np.asarray(page)


def segmented(name: str, image: Array, label: Array, prediction: Array, entropy: npt.NDArray[np.float32],
              palette: Array) -> Array:  # fmt: skip
    """Return a test image beside its label, its predicted label and its entropy map.

    The entropy is (H, W) float32, in nats; the brightest colour is log C in all pictures.
    """
    top = math.log(max(2, len(palette)))
    views = [image, drawing.colour(label, palette), drawing.colour(prediction, palette), heat(entropy, top)]
    known = label != 255
    right = f", {100 * float((prediction == label)[known].mean()):.0f} % right" if known.any() else ""
    captions = [Path(name).name, "label", f"prediction{right}", f"entropy, mean {float(entropy.mean()):.2f} nats"]
    return drawing.sheet([fitted(view) for view in views], len(views), captions)


def classified(name: str, image: Array, label: int, probability: npt.NDArray[np.float32], entropy: float,
               class_names: Sequence[str], palette: Array) -> Array:  # fmt: skip
    """Return a test image beside its five likeliest classes; the title has the true class and the entropy in nats."""
    order = np.argsort(-probability, kind="stable")[:5]
    lines = [Bar(class_names[c], ((float(probability[c]), tuple(palette[c].tolist())),)) for c in order]
    truth = class_names[label] if 0 <= label < len(class_names) else "unknown"
    verdict = "right" if order[0] == label else "wrong"
    result = f"true {truth}, predicted {class_names[order[0]]} ({verdict}), entropy {entropy:.2f} nats"
    chart, shown = bars(f"{Path(name).name}: {result}", lines, 420), fitted(image, 96)
    page = np.full((max(len(chart), len(shown)), shown.shape[1] + chart.shape[1], 3), PAPER, dtype=np.uint8)
    page[: len(shown), : shown.shape[1]] = shown
    page[: len(chart), shown.shape[1] :] = chart
    return page


def gallery(
    images: Images, chosen: Sequence[int], scores: Sequence[float | None], class_names: Sequence[str], palette: Array
) -> Array:
    """Return a sheet of the images at the chosen positions, in order, each with its rank, score, label and name."""
    tiles, captions = [], []
    for rank, (index, score) in enumerate(zip(chosen, scores, strict=True), start=1):
        label, tile = images.label(index), fitted(images.image(index), 64, 96)
        caption = [f"{rank}."] if score is None else [f"{rank}.", f"{score:.4g}"]
        if isinstance(label, np.ndarray):
            tile = np.hstack([tile, fitted(drawing.colour(label, palette), 64, 96)])
        else:
            caption.append(class_names[int(label)] if 0 <= int(label) < len(class_names) else "unknown")
        if tile.shape[1] >= _NAMED:
            caption.append(Path(images.name(index)).name)
        tiles.append(tile)
        captions.append("  ".join(caption))
    return drawing.sheet(tiles, max(1, SHEET_WIDTH // max(tile.shape[1] for tile in tiles)), captions)


def class_chart(
    title: str, chosen: npt.NDArray[np.float64], pool: npt.NDArray[np.float64], names: Sequence[str], palette: Array
) -> Array:
    """Return a chart of each class's share, (C,), of the chosen images, in its colour, and of the pool, in grey."""
    shown = list(range(len(names)))
    if len(names) > MOST_BARS:
        shown = sorted(np.argsort(-np.maximum(chosen, pool), kind="stable")[:MOST_BARS].tolist())
        title += f"; {MOST_BARS} of {len(names)} classes"
    lines = [Bar(names[c], ((float(chosen[c]), tuple(palette[c].tolist())), (float(pool[c]), _POOL))) for c in shown]
    return bars(title, lines)
