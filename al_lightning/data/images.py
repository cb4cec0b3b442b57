"""Reading images and labels from files; an error names the file and the reason."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.errors import MOST_PIXELS, DatasetError, MissingFile, SizesDiffer, UnknownLabel, UsageError, require

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

    def source(self, index: int) -> Path | None:
        """Return the file that the pixels come from, by default its name; None where they come from none of its own."""
        return Path(self.name(index))

    def has_label(self, index: int) -> bool:
        """Whether `label` has an answer by now; images for people to label have none at first."""
        return True


class ImageFiles(Images):
    """Images that are files, some of which may have no label yet.

    Attributes:
        size: (height, width) to which they are resized, and their labels; None where they are not.
    """

    size: tuple[int, int] | None

    @abstractmethod
    def file(self, index: int) -> Path:
        """Return the image's file."""

    def source(self, index: int) -> Path | None:
        """Return the image's file."""
        return self.file(index)

    @abstractmethod
    def has_label(self, index: int) -> bool:
        """Whether the dataset itself has a label of the image; looked up anew each time."""


def _open(path: Path, what: str) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except FileNotFoundError as error:
        raise MissingFile(f"The {what} {path} does not exist.") from error
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


@dataclass(frozen=True)
class Colours:
    """Classes of RGB colours.

    Args:
        values: colours as 24-bit numbers, red first.
        classes: the class of each; 255 = ignore.
        unknown: the class of all others; 254 marks colours that should not occur.
    """

    values: tuple[int, ...]
    classes: tuple[int, ...]
    unknown: int = 254

    def classify(self, pixels: Array) -> Array:
        """Map (H, W, 3) uint8 RGB to (H, W) uint8 classes."""
        return _colour_table(self).take(packed(pixels))


@functools.lru_cache(maxsize=2)  # of a process, not of the object, which travels to workers
def _colour_table(colours: Colours) -> Array:
    # 16 MiB, made in 3 ms; a label of 402 x 640 then takes 0.4 ms, by binary search among 55 colours 2 ms.
    table = np.full(1 << 24, colours.unknown, dtype=np.uint8)
    table[list(colours.values)] = colours.classes
    return table


def packed(pixels: Array) -> npt.NDArray[np.uint32]:
    """Return (H, W, 3) uint8 RGB as (H, W) 24-bit numbers, red first."""
    padded = np.zeros((*pixels.shape[:2], 4), dtype=np.uint8)
    padded[..., 2::-1] = pixels
    return padded.view("<u4")[..., 0]


def read_mask(
    path: Path, table: Array | Colours, size: tuple[int, int] | None = None, image: Path | None = None
) -> Array:
    """Read a label image, of ids in one channel or of colours, as (H, W) uint8 classes with 255 = ignore.

    Args:
        path: PNG with one label id per pixel (grey or palette), or with one colour per pixel (RGB, RGBA or palette).
        table: (256,) class of each id, where 254 marks ids that should not occur; or the classes of colours.
        size: (height, width) to resize to, by nearest neighbour.
        image: the image it belongs to, whose size it must have.

    Raises:
        DatasetError: the file is missing, corrupt, of another size than its image, has colours instead of ids or ids
            instead of colours, or an unknown id or colour.
    """
    mask = _open(path, "label")
    if isinstance(table, Colours):
        if mask.mode not in ("RGB", "RGBA", "P"):
            raise DatasetError(
                f"The label {path} has mode {mask.mode}; a colour per pixel (RGB) was expected, since the mapping is "
                "of colours. A mapping of `ids` is for label ids."
            )
    elif mask.mode not in ("L", "P", "1"):
        raise DatasetError(
            f"The label {path} has mode {mask.mode}; one channel of label ids (0-255) was expected. Where the labels "
            "are colours, name a file of their classes with --data.mapping."
        )
    if image is not None:
        with Image.open(image) as whole:  # reads the header alone
            if whole.size != mask.size:
                raise SizesDiffer(
                    f"The label {path} is {mask.height} x {mask.width}, its image {whole.height} x {whole.width} "
                    "(height x width); they must be of one size."
                )
    if size is not None and mask.size != (size[1], size[0]):
        mask = mask.resize((size[1], size[0]), Image.Resampling.NEAREST)
    if isinstance(table, Colours):
        return _of_colours(path, np.asarray(mask.convert("RGB")), table)
    ids = np.asarray(mask, dtype=np.uint8)
    classes: Array = table[ids]
    if (classes == 254).any():
        unknown = ", ".join(str(value) for value in np.unique(ids[classes == 254])[:5])
        raise UnknownLabel(
            f"The label {path} has unknown label ids {unknown}; add their classes, or name the one to ignore."
        )
    return classes


def _of_colours(path: Path, pixels: Array, colours: Colours) -> Array:
    classes = colours.classify(pixels)
    if (classes == 254).any():
        found, counts = np.unique(packed(pixels)[classes == 254], return_counts=True)
        first = ", ".join(f"#{found[place]:06x} ({counts[place]} pixels)" for place in np.argsort(-counts)[:5])
        raise UnknownLabel(
            f"The label {path} has colours that the mapping does not know: {first}{' ...' if len(found) > 5 else ''}; "
            "add their classes to the mapping file, or let it say `unknown: ignore`."
        )
    return classes


def check_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return a (height, width) that images can be resized to, or None."""
    if size is not None:
        require("data.size", size, least=1, most=MOST_PIXELS)
    return size


def label_table(num_classes: int, ignore: int | None) -> Array:
    """Return the (256,) table from label id to class: identity below `num_classes`, 255 and `ignore` to 255."""
    if ignore is not None:
        require("data.ignore", ignore, least=0, most=255)
    table = np.full(256, 254, dtype=np.uint8)
    table[:num_classes] = np.arange(num_classes)
    table[255] = 255
    if ignore is not None:
        table[ignore] = 255
    return table


def repeats(files: Sequence[Path]) -> dict[int, int]:
    """Return the positions of files that stood before, and for each the how-manieth it is: {2: 2} for a, b, a."""
    seen: Counter[Path] = Counter()
    found = {}
    for position, path in enumerate(files):
        seen[path] += 1
        if seen[path] > 1:
            found[position] = seen[path]
    return found


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
