"""Colours of classes, and pictures in sheets."""

from __future__ import annotations

import numpy as np
import pytest

from al_lightning.drawing import colour, palette, sheet, shrink
from tests.support.errors import raises


@pytest.mark.parametrize("classes", [1, 10, 21, 254])
def test_classes_have_colours_of_their_own(classes: int) -> None:
    colours = palette(classes)
    assert colours.shape == (classes, 3)
    assert colours.dtype == np.uint8
    assert len(np.unique(colours, axis=0)) == classes
    assert colours.sum(axis=1).min() > 0
    label = np.array([[0, classes - 1, 255]], np.uint8)
    assert np.array_equal(colour(label, colours)[0], [colours[0], colours[-1], [0, 0, 0]])


def test_pictures_shrink_and_come_in_sheets() -> None:
    image = np.full((20, 40, 3), 77, np.uint8)
    assert shrink(image, 10).shape == (10, 20, 3)
    assert (shrink(image, 10) == 77).all()
    assert shrink(image, 30) is image
    named = sheet([image, shrink(image, 10), image], 2, ["one", "a name that is too long", ""])
    assert named.shape == (2 * (20 + 14 + 3) + 3, 2 * 43 + 3, 3)
    assert (named[3:23, 3:43] == 77).all()
    with raises(ValueError, "zip()"):
        sheet([image], 1, [])
