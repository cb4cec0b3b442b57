"""The pictures of TensorBoard's views: test images with what the network says, what was chosen, bars of classes."""

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

Colour = tuple[int, int, int]
HIGH = 160
"""Height in pixels above which an image is shown smaller."""
LOW = 64
"""Height in pixels below which an image is shown larger, by a whole factor."""
WIDE = 1100
"""Width in pixels that a sheet keeps to."""
MOST_BARS = 40
_NAMED = 110  # pixels of width that a name beneath an image needs
_POOL: Colour = (150, 150, 150)
# Magma's: dark where the network is sure, bright where it is not; readable without colour vision.
_HEAT = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))


class Bar(NamedTuple):
    """A line of a bar chart: its name, and bars of (length, colour) below each other."""

    name: str
    bars: tuple[tuple[float, Colour], ...]


def encoded(picture: Array, photo: bool = True) -> bytes:
    """Return a picture as a small file: JPEG for photographs, PNG for charts.

    TensorBoard's checksum is plain Python: a megabyte costs near half a second.
    """
    if photo:
        return drawing.jpeg(picture)
    file = io.BytesIO()
    Image.fromarray(picture).quantize(64).save(file, "PNG")
    return file.getvalue()


def fitted(image: Array, low: int = LOW, high: int = HIGH) -> Array:
    """Return an image at a height that can be looked at; enlarged pixels stay square."""
    factor = -(-low // image.shape[0])
    if factor < 2:
        return drawing.shrink(image, high)
    enlarged: Array = image.repeat(factor, axis=0).repeat(factor, axis=1)
    return enlarged


def heat(values: npt.NDArray[np.float32], top: float) -> Array:
    """Return (H, W) numbers between 0 and `top` as colours, (H, W, 3) uint8."""
    places = np.linspace(0, top, len(_HEAT))
    channels = [np.interp(values, places, [colour[channel] for colour in _HEAT]) for channel in range(3)]
    colours: Array = np.stack(channels, axis=-1).round().astype(np.uint8)
    return colours


def short_name(name: str) -> str:
    """Return a file's name without its folder."""
    return Path(name).name


def bars(title: str, lines: Sequence[Bar], width: int = 520) -> Array:
    """Return a bar chart of shares, the largest bar over the whole width.

    Args:
        title: the first line.
        lines: from top to bottom.
        width: in pixels.

    Returns:
        (H, width, 3) uint8.
    """
    font, line, thick = drawing.font(), 13, max((len(bar.bars) for bar in lines), default=1)
    names, numbers = 110, 44
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
    """Return a test image beside its label, the prediction and the entropy of each pixel.

    Args:
        name: of the image.
        image: (H, W, 3) uint8.
        label: (H, W) uint8, 255 = ignore.
        prediction: (H, W) uint8.
        entropy: (H, W) float32, nats; the brightest colour stands for log C, whatever the image.
        palette: (C, 3) uint8.
    """
    views = [image, drawing.colour(label, palette), drawing.colour(prediction, palette)]
    views.append(heat(entropy, math.log(max(2, len(palette)))))
    known = label != 255
    right = f", {100 * float((prediction == label)[known].mean()):.0f} % right" if known.any() else ""
    captions = [short_name(name), "label", f"prediction{right}", f"entropy, mean {float(entropy.mean()):.2f} nats"]
    return drawing.sheet([fitted(view) for view in views], len(views), captions)


def classified(name: str, image: Array, label: int, probability: npt.NDArray[np.float32], entropy: float,
               class_names: Sequence[str], palette: Array) -> Array:  # fmt: skip
    """Return a test image beside the likeliest classes; the title names the true one.

    Args:
        name: of the image.
        image: (H, W, 3) uint8.
        label: the true class.
        probability: (C,) float32.
        entropy: of it, in nats.
        class_names: C names.
        palette: (C, 3) uint8.
    """
    order = np.argsort(-probability, kind="stable")[:5]
    lines = [Bar(class_names[c], ((float(probability[c]), _rgb(palette[c])),)) for c in order]
    truth = class_names[label] if 0 <= label < len(class_names) else "unknown"
    verdict = "right" if order[0] == label else "wrong"
    said = f"true {truth}, predicted {class_names[order[0]]} ({verdict}), entropy {entropy:.2f} nats"
    chart, shown = bars(f"{short_name(name)}: {said}", lines, 420), fitted(image, 96)
    page = np.full((max(len(chart), len(shown)), shown.shape[1] + chart.shape[1], 3), PAPER, dtype=np.uint8)
    page[: len(shown), : shown.shape[1]] = shown
    page[: len(chart), shown.shape[1] :] = chart
    return page


def gallery(
    images: Images, chosen: Sequence[int], scores: Sequence[float | None], class_names: Sequence[str], palette: Array
) -> Array:
    """Return what was chosen, in order, each with its place, its score, its label and its name.

    Args:
        images: the full training set.
        chosen: positions.
        scores: of each; None where it had none.
        class_names: C names.
        palette: (C, 3) uint8.
    """
    tiles, captions = [], []
    for place, (index, score) in enumerate(zip(chosen, scores, strict=True), start=1):
        label, tile = images.label(index), fitted(images.image(index), 64, 96)
        said = [f"{place}.", *([f"{score:.4g}"] if score is not None else [])]
        if isinstance(label, np.ndarray):
            tile = np.hstack([tile, fitted(drawing.colour(label, palette), 64, 96)])
        else:
            said.append(class_names[int(label)] if 0 <= int(label) < len(class_names) else "unknown")
        tiles.append(tile)
        if tile.shape[1] >= _NAMED:
            said.append(short_name(images.name(index)))
        captions.append("  ".join(said))
    return drawing.sheet(tiles, max(1, WIDE // max(tile.shape[1] for tile in tiles)), captions)


def class_chart(
    title: str, chosen: npt.NDArray[np.float64], pool: npt.NDArray[np.float64], names: Sequence[str], palette: Array
) -> Array:
    """Return the classes' shares of what was chosen, in their colours, above those of the pool, in grey.

    Args:
        title: the first line.
        chosen: (C,) shares.
        pool: (C,) shares.
        names: C names.
        palette: (C, 3) uint8.
    """
    shown = list(range(len(names)))
    if len(names) > MOST_BARS:
        shown = sorted(np.argsort(-np.maximum(chosen, pool), kind="stable")[:MOST_BARS].tolist())
        title += f"; {MOST_BARS} of {len(names)} classes"
    return bars(title, [Bar(names[c], ((float(chosen[c]), _rgb(palette[c])), (float(pool[c]), _POOL))) for c in shown])


def _rgb(colour: Array) -> Colour:
    red, green, blue = (int(part) for part in colour)
    return red, green, blue
