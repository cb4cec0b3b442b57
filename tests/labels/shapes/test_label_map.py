"""Colours of masks."""

import numpy as np

from al_lightning.labels.shapes.label_map import mask_colours


def test_colours_of_masks_are_apart() -> None:
    found = mask_colours(
        ["background", "a", "b", "c"], np.array([[9, 9, 9], [0, 0, 0], [5, 5, 5], [5, 5, 5]], np.uint8)
    )
    assert found == [(0, 0, 0), (128, 0, 0), (5, 5, 5), (0, 128, 0)]
    many = mask_colours([str(number) for number in range(255)], np.zeros((255, 3), np.uint8))
    assert len(set(many)) == 255
