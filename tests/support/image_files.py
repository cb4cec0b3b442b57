"""Small image and mask files, and the names of a set's files."""

import numpy as np
from PIL import Image


def write_image(path, size=(16, 20), value=0):
    """Write noise of (height, width), the same for the same value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(value).integers(0, 255, (*size, 3), dtype=np.uint8)).save(path)


def write_mask(path, ids, palette=False):
    """Write a PNG of label ids, grey or with a palette of colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(ids, dtype=np.uint8))
    if palette:
        image.putpalette([(37 * value + channel) % 256 for value in range(256) for channel in range(3)])
    image.save(path)


def names_of(images):
    """The names of a set's images, without their folders."""
    return [images.name(index).rpartition("/")[2] for index in range(len(images))]
