"""The AutoAugment policy for CIFAR-10 in the list that UDA's authors used: 95 sub-policies of two operations.

torchvision has 25 sub-policies, 20 of which are in this list, and shifts by up to 14.5 pixels where this list shifts by
up to 9. The list is that of UDA's code of 2019 (google-research/uda, image/autoaugment), which says that it comes from
AutoAugment's (Cubuk et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from al_lightning.drawing import Array
from al_lightning.seeding import generator

Picture = Image.Image
"""In RGBA: where an operation moved the image away, or cut a square out of it, alpha is 0."""
Operation = Callable[[Picture, int, np.random.Generator], Picture]
STEPS = 10
"""Level at which an operation is at its strongest; levels go from 0 to 9 here."""
SIDE = 32
"""Side of the images that shifts and squares are meant for; on other images they are scaled."""
MEAN = (125, 123, 114)
"""Colour of what is left empty: the mean of CIFAR-10's training images."""
_LIST = """
Invert 0.1 7, Contrast 0.2 6; Rotate 0.7 2, TranslateX 0.3 9; Sharpness 0.8 1, Sharpness 0.9 3;
ShearY 0.5 8, TranslateY 0.7 9; AutoContrast 0.5 8, Equalize 0.9 2; Solarize 0.4 5, AutoContrast 0.9 3;
TranslateY 0.9 9, TranslateY 0.7 9; AutoContrast 0.9 2, Solarize 0.8 3; Equalize 0.8 8, Invert 0.1 3;
TranslateY 0.7 9, AutoContrast 0.9 1; Solarize 0.4 5, AutoContrast 0.0 2; TranslateY 0.7 9, TranslateY 0.7 9;
AutoContrast 0.9 0, Solarize 0.4 3; Equalize 0.7 5, Invert 0.1 3; TranslateY 0.7 9, TranslateY 0.7 9;
Solarize 0.4 5, AutoContrast 0.9 1; TranslateY 0.8 9, TranslateY 0.9 9; AutoContrast 0.8 0, TranslateY 0.7 9;
TranslateY 0.2 7, Color 0.9 6; Equalize 0.7 6, Color 0.4 9; ShearY 0.2 7, Posterize 0.3 7;
Color 0.4 3, Brightness 0.6 7; Sharpness 0.3 9, Brightness 0.7 9; Equalize 0.6 5, Equalize 0.5 1;
Contrast 0.6 7, Sharpness 0.6 5; Brightness 0.3 7, AutoContrast 0.5 8; AutoContrast 0.9 4, AutoContrast 0.5 6;
Solarize 0.3 5, Equalize 0.6 5; TranslateY 0.2 4, Sharpness 0.3 3; Brightness 0.0 8, Color 0.8 8;
Solarize 0.2 6, Color 0.8 6; Solarize 0.2 6, AutoContrast 0.8 1; Solarize 0.4 1, Equalize 0.6 5;
Brightness 0.0 0, Solarize 0.5 2; AutoContrast 0.9 5, Brightness 0.5 3; Contrast 0.7 5, Brightness 0.0 2;
Solarize 0.2 8, Solarize 0.1 5; Contrast 0.5 1, TranslateY 0.2 9; AutoContrast 0.6 5, TranslateY 0.0 9;
AutoContrast 0.9 4, Equalize 0.8 4; Brightness 0.0 7, Equalize 0.4 7; Solarize 0.2 5, Equalize 0.7 5;
Equalize 0.6 8, Color 0.6 2; Color 0.3 7, Color 0.2 4; AutoContrast 0.5 2, Solarize 0.7 2;
AutoContrast 0.2 0, Equalize 0.1 0; ShearY 0.6 5, Equalize 0.6 5; Brightness 0.9 3, AutoContrast 0.4 1;
Equalize 0.8 8, Equalize 0.7 7; Equalize 0.7 7, Solarize 0.5 0; Equalize 0.8 4, TranslateY 0.8 9;
TranslateY 0.8 9, TranslateY 0.6 9; TranslateY 0.9 0, TranslateY 0.5 9; AutoContrast 0.5 3, Solarize 0.3 4;
Solarize 0.5 3, Equalize 0.4 4; Color 0.7 7, TranslateX 0.5 8; Equalize 0.3 7, AutoContrast 0.4 8;
TranslateY 0.4 3, Sharpness 0.2 6; Brightness 0.9 6, Color 0.2 8; Solarize 0.5 2, Invert 0.0 3;
AutoContrast 0.1 5, Brightness 0.0 0; Cutout 0.2 4, Equalize 0.1 1; Equalize 0.7 7, AutoContrast 0.6 4;
Color 0.1 8, ShearY 0.2 3; ShearY 0.4 2, Rotate 0.7 0; ShearY 0.1 3, AutoContrast 0.9 5;
TranslateY 0.3 6, Cutout 0.3 3; Equalize 0.5 0, Solarize 0.6 6; AutoContrast 0.3 5, Rotate 0.2 7;
Equalize 0.8 2, Invert 0.4 0; Equalize 0.9 5, Color 0.7 0; Equalize 0.1 1, ShearY 0.1 3;
AutoContrast 0.7 3, Equalize 0.7 0; Brightness 0.5 1, Contrast 0.1 7; Contrast 0.1 4, Solarize 0.6 5;
Solarize 0.2 3, ShearX 0.0 0; TranslateX 0.3 0, TranslateX 0.6 0; Equalize 0.5 9, TranslateY 0.6 7;
ShearX 0.1 0, Sharpness 0.5 1; Equalize 0.8 6, Invert 0.3 6; AutoContrast 0.3 9, Cutout 0.5 3;
ShearX 0.4 4, AutoContrast 0.9 2; ShearX 0.0 3, Posterize 0.0 3; Solarize 0.4 3, Color 0.2 4;
Equalize 0.1 4, Equalize 0.7 6; Equalize 0.3 8, AutoContrast 0.4 3; Solarize 0.6 4, AutoContrast 0.7 6;
AutoContrast 0.2 9, Brightness 0.4 8; Equalize 0.1 0, Equalize 0.0 6; Equalize 0.8 4, Equalize 0.0 4;
Equalize 0.5 5, AutoContrast 0.1 2; Solarize 0.5 5, AutoContrast 0.9 5; AutoContrast 0.6 1, AutoContrast 0.7 8;
Equalize 0.2 0, AutoContrast 0.1 2; Equalize 0.6 9, Equalize 0.4 4
"""
SubPolicy = tuple[tuple[str, float, int], ...]
SUB_POLICIES: tuple[SubPolicy, ...] = tuple(
    tuple((name, float(probability), int(level)) for name, probability, level in map(str.split, pair.split(",")))
    for pair in _LIST.split(";")
)
"""Of each, one after the other: the operation's name, the probability that it is applied, and its level."""


def augment(image: Array, seed: int) -> Array:
    """Apply a random sub-policy.

    Args:
        image: (H, W, 3) uint8.
        seed: from which all draws derive.

    Returns:
        (H, W, 3) uint8; what an operation left empty has the colour `MEAN`, unless a later one treats it as black.
    """
    draw = generator("auto_augment", seed)
    picture = Image.fromarray(image).convert("RGBA")
    for name, probability, level in SUB_POLICIES[draw.integers(len(SUB_POLICIES))]:
        if draw.random() < probability:
            picture = OPERATIONS[name](picture, level, draw)
    pixels = np.asarray(picture)
    return np.where(pixels[..., 3:] == 0, np.array(MEAN, dtype=np.uint8), pixels[..., :3])


def _either(value: float, draw: np.random.Generator) -> float:
    """Return a value or its negative, with equal probability."""
    return -value if draw.random() < 0.5 else value


def _pixels(level: int, most: int, side: int) -> int:
    """Return a level's number of pixels: `most` at the highest level, in an image of `SIDE` pixels."""
    return int(level * most * side / (STEPS * SIDE))


def _affine(picture: Picture, *matrix: float) -> Picture:
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix)


def _shear_x(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return _affine(picture, 1, _either(0.3 * level / STEPS, draw), 0, 0, 1, 0)


def _shear_y(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return _affine(picture, 1, 0, 0, _either(0.3 * level / STEPS, draw), 1, 0)


def _translate_x(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return _affine(picture, 1, 0, _either(_pixels(level, 10, picture.width), draw), 0, 1, 0)


def _translate_y(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return _affine(picture, 1, 0, 0, 0, 1, _either(_pixels(level, 10, picture.height), draw))


def _rotate(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    return picture.rotate(_either(level * 30 // STEPS, draw))


def _cutout(picture: Picture, level: int, draw: np.random.Generator) -> Picture:
    """Empty a square at a random centre."""
    half = _pixels(level, 20, min(picture.size)) // 2
    x, y = int(draw.integers(picture.width)), int(draw.integers(picture.height))
    picture.paste((*MEAN, 0), (max(0, x - half), max(0, y - half), x + half, y + half))
    return picture


def _colours(change: Callable[[Picture, int], Picture]) -> Operation:
    """Return an operation on the colours alone, to which what is empty is black."""
    return lambda picture, level, draw: change(picture.convert("RGB"), level).convert("RGBA")


def _enhanced(enhancer: Callable[[Picture], Any]) -> Operation:
    """Return an operation with a factor from 0.1 at level 0 to 1.72 at level 9."""
    return lambda picture, level, draw: enhancer(picture).enhance(1.8 * level / STEPS + 0.1)


OPERATIONS: dict[str, Operation] = {
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": _translate_x,
    "TranslateY": _translate_y,
    "Rotate": _rotate,
    "Cutout": _cutout,
    "AutoContrast": _colours(lambda picture, level: ImageOps.autocontrast(picture)),
    "Equalize": _colours(lambda picture, level: ImageOps.equalize(picture)),
    "Invert": _colours(lambda picture, level: ImageOps.invert(picture)),
    "Posterize": _colours(lambda picture, level: ImageOps.posterize(picture, 4 - level * 4 // STEPS)),
    "Solarize": _colours(lambda picture, level: ImageOps.solarize(picture, 256 - level * 256 // STEPS)),
    "Color": _enhanced(ImageEnhance.Color),
    "Contrast": _enhanced(ImageEnhance.Contrast),
    "Brightness": _enhanced(ImageEnhance.Brightness),
    "Sharpness": _enhanced(ImageEnhance.Sharpness),
}
"""By name: changes a picture, at a level."""
