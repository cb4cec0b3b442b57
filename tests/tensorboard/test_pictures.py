"""Pictures: colours, sizes and bars."""

import numpy as np
import pytest

from al_lightning.tensorboard.pictures import Bar, bars, fitted, heat


def test_heat_rises_from_dark_to_bright() -> None:
    colours = heat(np.array([[0.0, 0.5, 1.0, 2.0]], dtype=np.float32), 1.0).astype(int)
    light = colours.sum(axis=-1)[0]
    assert (light[0], light[2] == light[3]) == (4, True)
    assert light[0] < light[1] < light[2]


@pytest.mark.parametrize(("size", "shown"), [((8, 8), (64, 64)), ((64, 128), (64, 128)), ((40, 10), (80, 20)),
                                             ((320, 640), (160, 320)), ((100, 7), (100, 7))])  # fmt: skip
def test_images_are_shown_at_a_size_that_can_be_looked_at(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fitted(np.zeros((*size, 3), np.uint8)).shape == (*shown, 3)


def test_the_longest_bar_fills_the_width() -> None:
    red, grey = (255, 0, 0), (150, 150, 150)
    page = bars("title", [Bar("a", ((0.5, red), (0.25, grey))), Bar("b" * 99, ((0.0, red), (0.0, grey)))], 520)
    lengths = [(page == colour).all(axis=-1).sum(axis=1).max() for colour in (red, grey)]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=2)
    assert lengths[0] == pytest.approx(520 - 110 - 44, abs=2)
    assert bars("nothing", [], 100).shape[1] == 100
