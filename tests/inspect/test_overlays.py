"""A label over its image, with a legend."""

import numpy as np

from al_lightning.inspect.overlays import overlay, palette_image


def test_an_overlay_blends_and_lists_the_classes_that_are_there() -> None:
    image, label = np.full((30, 200, 3), 100, np.uint8), np.zeros((30, 200), np.uint8)
    label[:, 150:], label[0] = 2, 255
    colours = np.array([[0, 0, 0], [0, 255, 0], [200, 0, 100]], np.uint8)
    page = overlay(image, label, colours, ("road", "car", "sky"))
    assert page.shape[:2] == (30 + 4 + 16, 200)
    assert page[0, 0].tolist() == [100, 100, 100]  # ignored
    assert (page[5, 0].tolist(), page[5, 199].tolist()) == ([50, 50, 50], [150, 50, 100])
    legend = page[30:].reshape(-1, 3).tolist()
    assert [200, 0, 100] in legend
    assert [0, 255, 0] not in legend  # no car
    narrow = overlay(image[:, :4], label[:, :4], colours, ("a long name of a road", "car", "sky"))
    assert narrow.shape[1] > 100
    assert overlay(image, np.full_like(label, 255), colours, ("road", "car", "sky")).shape == image.shape
    assert np.array_equal(np.asarray(palette_image(label, colours)), label)
