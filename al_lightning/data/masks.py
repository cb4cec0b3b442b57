"""Label images with a class per pixel: ids or colours become classes, on the upright view of the image."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.headers import header_of, opened
from al_lightning.data.images import Array, decoded
from al_lightning.drawing import packed
from al_lightning.errors import DatasetError, SizesDiffer, UnknownLabel, require
from al_lightning.exif import orientation_of, turned, unturned

ID_MODES, COLOUR_MODES = ("L", "P", "1"), ("RGB", "RGBA", "P")
"""Pillow's modes of labels that hold ids, and of those that hold colours."""


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
    orientation = orientation_of(mask)
    mask = decoded(mask, path, "label")
    if image is not None:
        mask = in_view(mask, path, image, orientation)
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


def in_view(label: Image.Image, path: Path, image: Path, orientation: int = 1) -> Image.Image:
    """Return a label on the upright view of its image, which is how `read_image` reads the image.

    A label that fits the stored pixels alone is turned as the image is, by the image's EXIF orientation.

    Args:
        label: the label's pixels, turned by its own EXIF orientation.
        path: its file.
        image: the file of its image.
        orientation: the label's own EXIF orientation. Where the label fits the image only without that turn, the mark
            was copied from the image to a label that was drawn upright.

    Raises:
        SizesDiffer: the label has neither size.
    """
    with opened(image) as file:
        header = header_of(file)
    size = label.height, label.width
    if size == header.size:
        return label
    if size == header.stored:
        return unturned(label, orientation) if orientation > 4 else turned(label, header.orientation)
    shown = f"{header.size[0]} x {header.size[1]}"
    if header.orientation != 1:
        shown += f" as its EXIF orientation shows it, and {header.stored[0]} x {header.stored[1]} as stored"
    raise SizesDiffer(
        f"The label {path} is {size[0]} x {size[1]}, its image {shown} (height x width); both must have one size."
    )


def check_ids(path: Path, mask: Image.Image) -> None:
    """Raise DatasetError for a label image without one channel of label ids."""
    if mask.mode not in ID_MODES:
        option = "--data.mapping FILE (beside --masks, --mapping FILE)"
        coloured = f"For labels that are colours, name a file of their classes: {option}."
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
    return frozenset(np.unique(np.asarray(decoded(mask, path, "label"), dtype=np.uint8)).tolist())


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
