"""The images of a batch: files for other programs, and thumbnails for the contact sheet."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.drawing import blend, jpeg, shrink
from al_lightning.errors import DatasetError
from al_lightning.exif import orientation_of, upright
from al_lightning.labels.filenames import link_name
from al_lightning.labels.item import Item

THUMBNAIL = 240, 180
Colours = npt.NDArray[np.uint8]


@contextlib.contextmanager
def _opened(item: Item) -> Iterator[Image.Image]:
    try:
        with Image.open(item.path) as image:
            yield image
    except (SyntaxError, ValueError, Image.DecompressionBombError, OSError) as error:
        raise DatasetError(
            f"The image {item.path} cannot be read ({error}); put an intact file in its place."
        ) from error


def place_image(item: Item, folder: Path) -> str:
    """Put an image into a folder under the name that it has in its batch; return that name.

    The file is a hard link, which takes no room and, unlike a symbolic link, can be read in a container that mounts the
    folder. Where a hard link is impossible, for example between two disks, the file is a copy.

    Where the image's EXIF data ask for a turn, the file is an upright copy without EXIF data: training turns the image,
    and a tool that did not would give masks that do not fit.

    Raises:
        DatasetError: the image cannot be read.
    """
    target = folder / link_name(item.name, item.rank)
    source = item.path.resolve()
    with _opened(item) as image:
        if orientation_of(image) != 1:
            upright(image).save(target, quality=95, exif=b"")
            return target.name
    with contextlib.suppress(OSError):  # another disk, a file of another user, a file system without links
        os.link(source, target)
        return target.name
    shutil.copyfile(source, target)
    return target.name


def thumbnails(item: Item, colours: Colours) -> list[bytes]:
    """Return a small JPEG of an image, and another with the predicted mask over it, where there is one.

    Args:
        item: of a batch.
        colours: (classes, 3), of the mask.
    """
    with _opened(item) as image:
        image.draft("RGB", (2 * THUMBNAIL[0], 2 * THUMBNAIL[1]))  # a large JPEG is decoded at an eighth of its size
        whole = np.asarray(upright(image).convert("RGB"))
    small = shrink(whole, THUMBNAIL[1], THUMBNAIL[0])
    if not isinstance(item.prediction, np.ndarray):
        return [jpeg(small)]
    mask = Image.fromarray(item.prediction).resize((small.shape[1], small.shape[0]), Image.Resampling.NEAREST)
    return [jpeg(small), jpeg(blend(small, np.asarray(mask), colours))]
