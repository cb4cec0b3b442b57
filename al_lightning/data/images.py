"""Reading images and labels from files; an error names the file and the reason."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.errors import DatasetError, UsageError

Array = npt.NDArray[np.uint8]
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})


class Images(ABC):
    """A set of images with labels, decoded on demand, without augmentation."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def image(self, index: int) -> Array:
        """Return an image, (H, W, 3) uint8 RGB."""

    @abstractmethod
    def label(self, index: int) -> int | Array:
        """Return its class, or a class per pixel, (H, W) uint8 with 255 = ignore."""

    @abstractmethod
    def name(self, index: int) -> str:
        """Return what a person calls the image, for example its file name."""


def _open(path: Path, what: str) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError as error:
        raise DatasetError(f"The {what} {path} does not exist.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"The {what} {path} cannot be read ({error}); replace it or take it out.") from error
    return image


def read_image(path: Path, size: tuple[int, int] | None = None) -> Array:
    """Read an image as (H, W, 3) uint8 RGB, resized to `size` (height, width) where given.

    Raises:
        DatasetError: the file is missing or corrupt.
    """
    image = _open(path, "image")
    if image.mode.startswith(("I", "F")):
        raise DatasetError(
            f"The image {path} has mode {image.mode}, more than 8 bits a channel, and would be clipped; "
            "convert it to 8 bits."
        )
    image = image.convert("RGB")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def read_mask(path: Path, table: Array, size: tuple[int, int] | None = None, image: Path | None = None) -> Array:
    """Read label ids from a one-channel image, as (H, W) uint8 classes with 255 = ignore.

    Args:
        path: PNG with one label id per pixel (grey or palette).
        table: (256,) class of each id; 254 marks ids that should not occur.
        size: (height, width) to resize to, by nearest neighbour.
        image: the image it belongs to, whose size it must have.

    Raises:
        DatasetError: the file is missing, corrupt, of another size than its image, has colours instead of ids, or an
            unknown id.
    """
    mask = _open(path, "label")
    if mask.mode not in ("L", "P", "1"):
        raise DatasetError(f"The label {path} has mode {mask.mode}; one channel of label ids (0-255) was expected.")
    if image is not None:
        with Image.open(image) as whole:  # reads the header alone
            if whole.size != mask.size:
                raise DatasetError(
                    f"The label {path} is {mask.height} x {mask.width}, its image {whole.height} x {whole.width} "
                    "(height x width); they must be of one size."
                )
    if size is not None and mask.size != (size[1], size[0]):
        mask = mask.resize((size[1], size[0]), Image.Resampling.NEAREST)
    ids = np.asarray(mask, dtype=np.uint8)
    classes: Array = table[ids]
    if (classes == 254).any():
        unknown = ", ".join(str(value) for value in np.unique(ids[classes == 254])[:5])
        raise DatasetError(
            f"The label {path} has unknown label ids {unknown}; add their classes, or name the one to ignore."
        )
    return classes


def check_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return a (height, width) that images can be resized to."""
    if size is not None and min(size) < 1:
        raise UsageError(f"data.size is {list(size)}; [height, width] in pixels, at least 1, or null.")
    return size


def label_table(num_classes: int, ignore: int | None) -> Array:
    """Return the (256,) table from label id to class: identity below `num_classes`, 255 and `ignore` to 255."""
    if ignore is not None and not 0 <= ignore <= 255:
        raise UsageError(f"data.ignore is {ignore}; label ids are 0 to 255, or null for none to ignore.")
    table = np.full(256, 254, dtype=np.uint8)
    table[:num_classes] = np.arange(num_classes)
    table[255] = 255
    if ignore is not None:
        table[ignore] = 255
    return table


def list_images(folder: Path) -> list[Path]:
    """Return the image files below a folder, sorted; hidden files and folders are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def time_order(names: Sequence[str], pattern: str | None) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    r"""Read sequence and frame out of file names.

    Args:
        names: file names.
        pattern: regular expression with the groups `sequence` and `frame`, for example
            `(?P<sequence>.+)_(?P<frame>\d+)`; None where the data has no time order.

    Returns:
        (sequence, frame): for each name the number of its sequence, by first appearance, and its frame number.
    """
    if pattern is None:
        return None, None
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"sequence_pattern {pattern!r} is not a regular expression ({error}).") from error
    if not {"sequence", "frame"} <= regex.groupindex.keys():
        raise UsageError(f"sequence_pattern {pattern!r} needs the groups (?P<sequence>...) and (?P<frame>...).")
    numbers: dict[str, int] = {}
    sequence, frame = [], []
    for name in names:
        match = regex.search(name)
        if match is None or not match["sequence"] or not (match["frame"] or "").isdigit():
            raise UsageError(f"sequence_pattern {pattern!r} finds no sequence and frame number in {name!r}.")
        sequence.append(numbers.setdefault(match["sequence"], len(numbers)))
        frame.append(int(match["frame"]))
    return tuple(sequence), tuple(frame)
