"""The images of a batch: in a folder for other programs, and small on its contact sheet."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.drawing import blend, jpeg, shrink
from al_lightning.errors import DatasetError
from al_lightning.labels.filenames import link_name
from al_lightning.labels.item import Item

ORIENTATION = 0x0112
THUMBNAIL = 240, 180
Colours = npt.NDArray[np.uint8]


def place_image(item: Item, folder: Path) -> str:
    """Put an image into a folder under the name that it has in its batch; return that name.

    A hard link: to a container that mounts this folder alone, a browser that uploads it, or whoever packs it, it is a
    file like any other, where a symbolic link would lead nowhere; and it takes no room. Between two disks it is a copy.
    A photograph that says "turn me" is stored as the training sees it, which does not turn it: a tool that turned it
    would give masks of another image.

    Raises:
        DatasetError: the image cannot be read.
    """
    target = folder / link_name(item.name, item.rank)
    source = item.path.resolve()
    try:
        with Image.open(source) as image:
            if image.getexif().get(ORIENTATION, 1) not in (0, 1):
                image.save(target, quality=95, exif=b"")
                return target.name
    except (SyntaxError, ValueError, Image.DecompressionBombError, OSError) as error:
        raise DatasetError(f"The image {item.path} cannot be read ({error}); replace it or take it out.") from error
    with contextlib.suppress(OSError):  # another disk, a file of another user, a file system without links
        os.link(source, target)
        return target.name
    shutil.copyfile(source, target)
    return target.name


def thumbnail(item: Item, colours: Colours) -> bytes:
    """Return a small JPEG of an image; a predicted mask lies over it.

    Args:
        item: the image.
        colours: (classes, 3) uint8, RGB.

    Raises:
        DatasetError: the image cannot be read.
    """
    try:
        with Image.open(item.path) as image:
            image.draft("RGB", (2 * THUMBNAIL[0], 2 * THUMBNAIL[1]))  # a large JPEG is decoded at an eighth of its size
            whole = np.asarray(image.convert("RGB"))
    except (SyntaxError, ValueError, Image.DecompressionBombError, OSError) as error:
        raise DatasetError(f"The image {item.path} cannot be read ({error}); replace it or take it out.") from error
    small = shrink(whole, THUMBNAIL[1], THUMBNAIL[0])
    if isinstance(item.prediction, np.ndarray):
        mask = Image.fromarray(item.prediction).resize((small.shape[1], small.shape[0]), Image.Resampling.NEAREST)
        small = blend(small, np.asarray(mask), colours)
    return jpeg(small)
