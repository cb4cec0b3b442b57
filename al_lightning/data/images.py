"""Sets of images with labels, and the reading of images and labels from files."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.headers import check_depth, check_single, header_of, opened, read_header, unreadable
from al_lightning.drawing import packed
from al_lightning.errors import MOST_PIXELS, DatasetError, SizesDiffer, UnknownLabel, UsageError, require
from al_lightning.exif import turned, upright

Array = npt.NDArray[np.uint8]
ID_MODES, COLOUR_MODES = ("L", "P", "1"), ("RGB", "RGBA", "P")
"""Pillow's modes of labels that hold ids, and of those that hold colours."""


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


def _decoded(image: Image.Image, path: Path, what: str) -> Image.Image:
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
    image = _decoded(image, path, "image").convert("RGB")
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


@dataclass(frozen=True)
class Colours:
    """Classes of RGB colours.

    Args:
        values: colours as 24-bit numbers, red first.
        classes: the class of each; 255 = ignore.
        unknown: the class of all other colours; 254 marks colours that should not occur.
    """

    values: tuple[int, ...]
    classes: tuple[int, ...]
    unknown: int = 254


@functools.lru_cache(maxsize=2)  # kept by the process, so that the object stays small when it is sent to workers
def colour_table(colours: Colours) -> Array:
    """Return the (2^24,) uint8 class of each colour."""
    # 16 MiB, made in 3 ms. A label of 402 x 640 takes 0.4 ms with it, and 2 ms by binary search among 55 colours.
    table = np.full(1 << 24, colours.unknown, dtype=np.uint8)
    table[list(colours.values)] = colours.classes
    return table


def read_mask(
    path: Path, table: Array | Colours, size: tuple[int, int] | None = None, image: Path | None = None
) -> Array:
    """Read a label image, of ids in one channel or of colours, as (H, W) uint8 classes with 255 = ignore.

    Args:
        path: PNG with one label id per pixel (grey or palette), or with one colour per pixel (RGB, RGBA or palette).
        table: (256,) class of each id, where 254 marks ids that should not occur; or the classes of colours.
        size: (height, width) to resize to, by nearest neighbour.
        image: the label's image; see `in_view`.

    Raises:
        DatasetError: the file is missing or damaged, has another size than its image, has colours instead of ids or ids
            instead of colours, or holds an unknown id or colour.
    """
    mask = opened(path, "label")
    if not isinstance(table, Colours):
        check_ids(path, mask)
    elif mask.mode not in COLOUR_MODES:
        way = "For label ids, write a mapping with `ids`." if mask.mode in ID_MODES else "Save it as RGB of 8 bits."
        raise DatasetError(
            f"The label {path} has mode {mask.mode}; the mapping has colours, so a colour per pixel (RGB) was "
            f"expected. {way}"
        )
    mask = _decoded(mask, path, "label")
    if image is not None:
        mask = in_view(mask, path, image)
    if size is not None and mask.size != (size[1], size[0]):
        mask = mask.resize((size[1], size[0]), Image.Resampling.NEAREST)
    if isinstance(table, Colours):
        return _of_colours(path, packed(np.asarray(mask.convert("RGB"))), table)
    ids = np.asarray(mask, dtype=np.uint8)
    classes: Array = table[ids]
    if (classes == 254).any():
        unknown = ", ".join(str(value) for value in np.unique(ids[classes == 254])[:5])
        raise UnknownLabel(
            f"The label {path} has unknown label ids {unknown}; mend that file, or begin a run in which they are "
            "classes (--data.classes, --data.mapping) or ignored (--data.ignore)."
        )
    return classes


def in_view(label: Image.Image, path: Path, image: Path) -> Image.Image:
    """Return a label on the upright view of its image, which is how `read_image` reads the image.

    A label that fits the stored pixels alone is turned as the image is, by the image's EXIF orientation.

    Raises:
        SizesDiffer: the label has neither size.
    """
    with opened(image) as file:
        header = header_of(file)
    size = label.height, label.width
    if size == header.size:
        return label
    if size == header.stored:
        return turned(label, header.orientation)
    shown = f"{header.size[0]} x {header.size[1]}"
    if header.orientation != 1:
        shown += f" as its EXIF orientation shows it, and {header.stored[0]} x {header.stored[1]} as stored"
    raise SizesDiffer(
        f"The label {path} is {size[0]} x {size[1]}, its image {shown} (height x width); both must have one size."
    )


def check_ids(path: Path, mask: Image.Image) -> None:
    """Raise DatasetError for a label image without one channel of label ids."""
    if mask.mode not in ID_MODES:
        coloured = "For labels that are colours, name a file of their classes with --data.mapping."
        way = coloured if mask.mode in COLOUR_MODES else "Save it as grey of 8 bits, without transparency."
        raise DatasetError(
            f"The label {path} has mode {mask.mode}; one channel of label ids (0-255) was expected. {way}"
        )


def read_ids(path: Path) -> frozenset[int]:
    """Return the label ids in a label image.

    Raises:
        DatasetError: the file is missing or damaged, or has colours instead of ids.
    """
    mask = opened(path, "label")
    check_ids(path, mask)
    return frozenset(np.unique(np.asarray(_decoded(mask, path, "label"), dtype=np.uint8)).tolist())


def resize_label(label: Array, size: tuple[int, int] | None) -> Array:
    """Return (H, W) uint8 classes, resized to (height, width) by nearest neighbour unless that is None."""
    if size is None or label.shape == size:
        return label
    return np.asarray(Image.fromarray(label).resize((size[1], size[0]), Image.Resampling.NEAREST))


def _of_colours(path: Path, pixels: npt.NDArray[np.uint32], colours: Colours) -> Array:
    classes = colour_table(colours).take(pixels)
    if (classes == 254).any():
        values, counts = np.unique(pixels[classes == 254], return_counts=True)
        first = ", ".join(f"#{values[place]:06x} ({counts[place]} pixels)" for place in np.argsort(-counts)[:5])
        raise UnknownLabel(
            f"The label {path} has colours that the mapping does not know: {first}{' ...' if len(values) > 5 else ''}; "
            "mend that file, or begin a run whose mapping file has their classes, or `unknown: ignore`."
        )
    return classes


def check_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the option `data.size`, (height, width) or None; raise UsageError where it is no size."""
    if size is not None:
        require("data.size", size, least=1, most=MOST_PIXELS)
    return size


def label_table(num_classes: int, ignore: int | None) -> Array:
    """Return the (256,) uint8 class of each label id.

    Ids below `num_classes` are classes, 255 and `ignore` are 255, ignored, and all other ids are 254, unknown. Where
    `ignore` is None, nothing is ignored, and 255 is unknown too.
    """
    table = np.full(256, 254, dtype=np.uint8)
    table[:num_classes] = np.arange(num_classes)
    if ignore is not None:
        require("data.ignore", ignore, least=0, most=255)
        table[[255, ignore]] = 255
    return table


def repeats(files: Sequence[Path]) -> dict[int, int]:
    """Map each repeated path's index to its occurrence number: [a, b, a] gives {2: 2}."""
    seen: Counter[Path] = Counter()
    occurrences = {}
    for position, path in enumerate(files):
        seen[path] += 1
        if seen[path] > 1:
            occurrences[position] = seen[path]
    return occurrences


def time_order(names: Sequence[str], pattern: str | None) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    r"""Read sequence and frame number from file names.

    Args:
        names: file names.
        pattern: regular expression with the groups `sequence` and `frame`, for example
            `(?P<sequence>.+)_(?P<frame>\d+)`; None where the data has no time order.

    Returns:
        (sequence, frame): for each name the number of its sequence, by first appearance, and its frame number.

    Raises:
        UsageError: the pattern is no such expression, or does not match a name.
    """
    if pattern is None:
        return None, None
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"sequence_pattern {pattern!r} is not a regular expression ({error}).") from error
    if not {"sequence", "frame"} <= regex.groupindex.keys():
        raise UsageError(f"sequence_pattern {pattern!r} needs the groups (?P<sequence>...) and (?P<frame>...).")
    sequence, frame = [], []
    for name in names:
        match = regex.search(name)
        if match is None or not match["sequence"] or not (match["frame"] or "").isdigit():
            raise UsageError(f"sequence_pattern {pattern!r} finds no sequence and frame number in {name!r}.")
        sequence.append(match["sequence"])
        frame.append(int(match["frame"]))
    return numbered(sequence), tuple(frame)


def numbered(values: Iterable[Hashable]) -> tuple[int, ...]:
    """Return a number for each value, by first appearance: (b, a, b) gives (0, 1, 0)."""
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(value, len(numbers)) for value in values)
