"""Masks as PNG: label ids, or colours that a labelmap.txt gives names, as CVAT's "Segmentation mask 1.1" does."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.labels.import_result import IGNORE, IGNORED, Findings
from al_lightning.labels.opinions import Mask
from al_lightning.labels.untrusted import Malformed, as_text, read_bytes, shown

BACKGROUND = "background"
LABEL_MAP, CLASS_MASKS = "labelmap.txt", "SegmentationClass"
LARGEST_LABEL_MAP = 1 << 20
MOST_FILES = 200_000
Colour = tuple[int, int, int]
LabelMap = dict[Colour, str]
Entry = tuple[str, Callable[[int], bytes]]
"""A mask's path below its folder, and what reads at most so many bytes of it."""


def parse_label_map(content: bytes) -> LabelMap:
    """Return the label of each colour, in the file's order: lines of `label:red,green,blue:parts:actions`.

    Raises:
        Malformed: it is no such file, or names a colour twice.
    """
    found: LabelMap = {}
    for number, line in enumerate(as_text(content).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.rsplit(":", 3)
        values = fields[1].split(",") if len(fields) == 4 else []
        # Not int() alone: it takes "+1", "1_0" and other scripts' digits too.
        if len(values) != 3 or not all(v.strip().isascii() and v.strip().isdigit() for v in values):
            raise Malformed(f"line {number} of {LABEL_MAP} is not `label:red,green,blue::`")
        colour = tuple(int(value) for value in values if len(value) < 9)
        if len(colour) != 3 or max(colour) > 255:
            raise Malformed(f"line {number} of {LABEL_MAP} has a colour out of 0 to 255")
        if colour in found:
            raise Malformed(f"line {number} of {LABEL_MAP} gives the colour of {shown(found[colour])} a second label")
        found[colour] = fields[0].strip()
    if not found:
        raise Malformed(f"{LABEL_MAP} names no label")
    return found


def read_masks(entries: Iterable[Entry], labels: LabelMap | None, where: str, findings: Findings) -> None:
    """Read masks that are named as their images.

    Args:
        entries: the PNG files.
        labels: label of each colour; None where masks hold label ids, in the order of the classes, 255 = ignore.
        where: what to call the files in a sentence.
        findings: receives the masks.
    """
    for reference, read in entries:
        try:
            name = findings.names.find_mask(reference)
            width, height = findings.known[name]
            # What no PNG of this image exceeds: four uncompressed channels, and what else it may hold.
            image = open_png(read(5 * width * height + (1 << 20)), width, height)
            mask, meant = _of_ids(image, findings) if labels is None else _of_labels(image, labels, findings)
            findings.add_mask(name, mask, meant=meant)
        except Malformed as error:
            findings.problem(f"{where}, mask {shown(reference)}", error)


def open_png(content: bytes, width: int, height: int) -> Image.Image:
    """Decode a PNG of 8 bits a channel; nothing is decoded where its size is another than its image's.

    Raises:
        Malformed: it is none, damaged, or of another size.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes that an image may well have; what counts is that the mask has its image's.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=["PNG"])
            if image.size != (width, height):
                raise Malformed(
                    f"it is {image.width} x {image.height}, its image {width} x {height} (width, height); masks have "
                    "their image's size"
                )
            image.load()
    except Malformed:
        raise
    except Exception as error:  # Pillow raises whatever damaged bytes lead it to
        raise Malformed(f"it is no PNG that can be read ({type(error).__name__})") from error
    return image


def _of_ids(image: Image.Image, findings: Findings) -> tuple[Mask, bool]:
    if image.mode not in ("L", "P", "1"):
        raise Malformed(
            f"it has mode {image.mode}; one channel of label ids was expected, or a {LABEL_MAP} beside that names its "
            "colours"
        )
    mask = np.array(image, dtype=np.uint8)
    unknown = [int(value) for value in np.unique(mask) if value != IGNORED and value >= len(findings.classes)]
    if unknown:
        raise Malformed(
            f"it has the label ids {', '.join(map(str, unknown[:5]))}; there are 0 to {len(findings.classes) - 1}, and "
            "255 for ignore"
        )
    return mask, False


def _of_labels(image: Image.Image, labels: LabelMap, findings: Findings) -> tuple[Mask, bool]:
    if image.mode == "L":  # one channel without colours holds positions in the label map
        values, indices = np.unique(np.array(image), return_inverse=True)
        order = list(labels.values())
        # One after the other: a mask can have as many colours as pixels.
        found: Iterator[tuple[object, str | None]] = (
            (int(value), order[value] if value < len(order) else None) for value in values
        )
    elif image.mode in ("RGB", "RGBA", "P"):
        packed = _packed(np.array(image.convert("RGB")))
        values, indices = np.unique(packed, return_inverse=True)
        found = ((f"#{value:06x}", labels.get(_unpacked(int(value)))) for value in values)
    else:
        raise Malformed(f"it has mode {image.mode}; colours (RGB or palette) were expected")
    numbers = np.zeros(len(values), dtype=np.uint8)
    meant = False
    for place, (value, label) in enumerate(found):
        if label is None:
            raise Malformed(f"it has the colour {value}, which {LABEL_MAP} does not name")
        if label == BACKGROUND and label not in findings.numbers:
            numbers[place] = IGNORED if findings.background is None else findings.background
        else:
            numbers[place] = findings.number(label)
            meant = meant or label == IGNORE
    return numbers[indices].reshape(image.height, image.width), meant


def _packed(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    padded = np.zeros((*pixels.shape[:2], 4), dtype=np.uint8)
    padded[..., 2::-1] = pixels
    return padded.view("<u4")[..., 0]


def _unpacked(value: int) -> Colour:
    return value >> 16, value >> 8 & 255, value & 255


def read_mask_folder(folder: Path, where: str, findings: Findings) -> None:
    """Read a folder of PNG masks, or CVAT's unpacked: with a labelmap.txt they hold colours, else label ids.

    Raises:
        Malformed: its labelmap.txt is none, or it has no masks.
    """
    masks = folder / CLASS_MASKS if (folder / CLASS_MASKS).is_dir() else folder
    label_map = folder / LABEL_MAP
    labels = parse_label_map(read_bytes(label_map, LARGEST_LABEL_MAP)) if label_map.is_file() else None
    files = files_below(masks)
    pngs = [path for path in files if path.suffix.lower() == ".png"]
    if not pngs:
        raise Malformed("it holds no PNG masks")
    root = masks.resolve()
    entries: list[Entry] = []
    for path in pngs:
        reference = path.relative_to(masks).as_posix()
        if not path.resolve().is_relative_to(root):
            findings.problem(f"{where}, mask {shown(reference)}", "it is a link out of its folder; put the file there")
            continue
        entries.append((reference, lambda most, path=path: read_bytes(path, most)))  # type: ignore[misc]
    read_masks(entries, labels, where, findings)


def files_below(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted; hidden ones, and what links to folders lead to, are left out.

    Raises:
        Malformed: there are too many, or the folder cannot be read.
    """
    found: list[Path] = []
    waiting = [folder]
    try:
        while waiting:
            for path in waiting.pop().iterdir():
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    waiting += [] if path.is_symlink() else [path]
                elif path.is_file():
                    found.append(path)
                if len(found) + len(waiting) > MOST_FILES:
                    raise Malformed(f"it holds more than {MOST_FILES:,} files")
    except OSError as error:
        raise Malformed(f"it cannot be read ({error.strerror})") from error
    return sorted(found)
