"""Sets of images with labels, and the reading of images from files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.headers import check_depth, check_single, opened, read_header, unreadable
from al_lightning.errors import MOST_PIXELS, require
from al_lightning.exif import upright

__all__ = ["ArrayImages", "ImageFiles", "Images", "read_image"]

Array = npt.NDArray[np.uint8]


class Images(ABC):
    """A set of images with labels, decoded on demand, without augmentation."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def image(self, index: int) -> Array:
        """Return an image, (H, W, 3) uint8 RGB."""

    @abstractmethod
    def label(self, index: int) -> int | Array:
        """Return the image's class, or a class per pixel, (H, W) uint8 with 255 = ignore."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Return the image's name for people, for example its path."""

    def sources(self, index: int) -> Sequence[Path]:
        """Return the files of image and label, the image's first; by default the image's name is its only file.

        A cache is stale once such a file has changed. A set in memory has no files.
        """
        return (Path(self.name(index)),)

    def has_label(self, index: int) -> bool:
        """Return whether the image has a label; where people label, it may come later."""
        return True

    def check(self, index: int) -> tuple[int, int] | None:
        """Look at the header of the image's file, without decoding it, and return (height, width) of the image.

        None where there is no header to look at: then the image's size is not known before it is read.

        Raises:
            DatasetError: `image` could not read the file.
        """
        return None


class ImageFiles(Images):
    """Images that are files; some may have no label yet.

    Attributes:
        size: (height, width) to which images and labels are resized; None keeps their sizes.
    """

    size: tuple[int, int] | None

    def file(self, index: int) -> Path:
        """Return the image's file."""
        return self.sources(index)[0]

    @abstractmethod
    def has_label(self, index: int) -> bool:
        """Return whether the dataset itself has a label of the image, looked up at each call."""

    def check(self, index: int) -> tuple[int, int]:
        """Look at the header of the image's file; return (height, width) of what `image` returns."""
        header = read_header(self.file(index))
        return self.size or header.size


class ArrayImages(Images):
    """Images in memory.

    Args:
        images: (N, H, W, 3) uint8.
        labels: (N,) int, a class per image, or (N, H, W) uint8, a class per pixel.
        names: name of each image.
    """

    def __init__(self, images: Array, labels: npt.NDArray[Any], names: Sequence[str]) -> None:
        self.images = images
        self.labels = labels
        self.names = names

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Array:
        """Return the image."""
        image: Array = self.images[index]
        return image

    def label(self, index: int) -> int | Array:
        """Return the image's class, or the class of each pixel."""
        label: Array = self.labels[index]
        return label if label.ndim else int(label)

    def name(self, index: int) -> str:
        """Return the image's name."""
        return self.names[index]

    def sources(self, index: int) -> Sequence[Path]:
        """Return nothing: an array has no file."""
        return ()


def decoded(image: Image.Image, path: Path, what: str) -> Image.Image:
    """Return an opened file's pixels, as viewers show them."""
    check_single(image, path, what)
    try:
        return upright(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise unreadable(path, what, error) from error


def read_image(path: Path, size: tuple[int, int] | None = None) -> Array:
    """Read an image as (H, W, 3) uint8 RGB, as viewers show it, resized to `size` (height, width) where given.

    Raises:
        DatasetError: the file is missing or corrupt, holds several images, or has more than 8 bits per channel.
    """
    image = opened(path)
    check_depth(image, path)
    image = decoded(image, path, "image").convert("RGB")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def check_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the option `data.size`, (height, width) or None; raise UsageError where it is no size."""
    if size is not None:
        require("data.size", size, least=1, most=MOST_PIXELS)
    return size


def repeats(files: Sequence[Path]) -> dict[int, int]:
    """Map each repeated path's index to its occurrence number: [a, b, a] gives {2: 2}."""
    seen: Counter[Path] = Counter()
    occurrences = {}
    for position, path in enumerate(files):
        seen[path] += 1
        if seen[path] > 1:
            occurrences[position] = seen[path]
    return occurrences
