"""Masks as PNG: label ids, or colours with a labelmap.txt as in CVAT's "Segmentation mask 1.1".

https://docs.cvat.ai/docs/dataset_management/formats/format-smask
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from al_lightning.drawing import packed
from al_lightning.labels.content import IGNORED
from al_lightning.labels.filenames import link_name, without_suffix
from al_lightning.labels.formats import Format
from al_lightning.labels.import_result import IGNORE, Annotations
from al_lightning.labels.item import Item
from al_lightning.labels.shapes.label_map import (
    BACKGROUND,
    LABEL_MAP,
    LARGEST_LABEL_MAP,
    LabelMap,
    label_map_text,
    parse_label_map,
    voc_colours,
)
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind, Mask
from al_lightning.labels.untrusted import Malformed, shown

CLASS_MASKS = "SegmentationClass"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Masks(Format):
    """PNG masks; each has its image's name and size."""

    form: ClassVar[str] = (
        f"PNG masks: one, a folder of them, or CVAT's Segmentation mask 1.1 (a zip file with {CLASS_MASKS})"
    )
    kinds: ClassVar[tuple[Kind, ...]] = ("pixel",)

    def recognises(self, source: Source) -> bool:
        """Accept a PNG, a folder where labels are masks, and a zip file with CVAT's folder of masks."""
        if source.form == "folder":
            return source.kind == "pixel"
        return source.head.startswith(b"\x89PNG") or (source.form == "zip" and bool(_of_classes(source.names)))

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read masks: colours where there is a labelmap.txt, otherwise label ids."""
        labels, root = None, ""
        if masks := _of_classes(source.names):
            roots = {name.split(f"{CLASS_MASKS}/", 1)[0] for name in masks}
            if len(roots) > 1:
                raise Malformed(f"it holds several folders {CLASS_MASKS}; export the tasks one by one")
            root = roots.pop()
        if f"{root}{LABEL_MAP}" in source.names:
            labels = parse_label_map(source.read(f"{root}{LABEL_MAP}", LARGEST_LABEL_MAP))
        elif source.form == "zip":
            raise Malformed(f"it has no {LABEL_MAP}, which names the colours of its masks")
        files = masks or [name for name in source.names if name != LABEL_MAP]
        pngs = [name for name in files if name.lower().endswith(".png")]
        if not pngs:
            raise Malformed("it holds no PNG masks")
        annotations.note(source.where, len(files) - len(pngs), "file", "left out, being no PNG")
        for name in pngs:
            reference = name.removeprefix(f"{root}{CLASS_MASKS}/")
            where = f"{source.where}, mask {shown(reference)}"
            try:
                image = annotations.names.find_mask(reference)
                width, height = annotations.known[image]
                # More than any PNG of this image: four uncompressed channels, and a mebibyte of other content.
                png = _open_png(source.read(name, 5 * width * height + (1 << 20)), width, height)
                if labels:
                    mask, meant = _of_labels(png, labels, annotations)
                    annotations.add_mask(image, mask, meant=meant)
                else:
                    annotations.add_ids(where, image, _of_ids(png, annotations))
            except Malformed as error:
                annotations.problem(where, error)


FORMAT = Masks()


def _of_classes(names: Sequence[str]) -> list[str]:
    """Return the files in CVAT's folders of class masks."""
    return [name for name in names if CLASS_MASKS in name.split("/")[:-1]]


def _open_png(content: bytes, width: int, height: int) -> Image.Image:
    """Decode a PNG of 8 bits a channel; a PNG of another size than its image is refused before decoding."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes that an image may have; the size is checked against the image's.
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


def _of_ids(image: Image.Image, annotations: Annotations) -> Mask:
    if image.mode not in ("L", "P", "1"):
        raise Malformed(
            f"it has mode {image.mode}; one channel of label ids was expected, or a {LABEL_MAP} beside that names its "
            "colours"
        )
    mask = np.array(image, dtype=np.uint8)
    unknown = [int(value) for value in np.unique(mask) if value != IGNORED and value >= len(annotations.classes)]
    if unknown:
        raise Malformed(
            f"it has the label ids {', '.join(map(str, unknown[:5]))}; there are 0 to {len(annotations.classes) - 1}, "
            "and 255 for ignore"
        )
    return mask


def _of_labels(image: Image.Image, labels: LabelMap, annotations: Annotations) -> tuple[Mask, bool]:
    if image.mode == "L":  # one channel without colours holds positions in the label map
        values, indices = np.unique(np.array(image), return_inverse=True)
        order = list(labels.values())
        # Generators: a mask can have as many colours as pixels.
        named: Iterator[tuple[object, str | None]] = (
            (int(value), order[value] if value < len(order) else None) for value in values
        )
    elif image.mode in ("RGB", "RGBA", "P"):
        values, indices = np.unique(packed(np.array(image.convert("RGB"))), return_inverse=True)
        numbered = {red << 16 | green << 8 | blue: label for (red, green, blue), label in labels.items()}
        named = ((f"#{value:06x}", numbered.get(int(value))) for value in values)
    else:
        raise Malformed(f"it has mode {image.mode}; colours (RGB or palette) were expected")
    numbers = np.zeros(len(values), dtype=np.uint8)
    meant = False
    for place, (value, label) in enumerate(named):
        if label is None:
            raise Malformed(f"it has the colour {value}, which {LABEL_MAP} does not name")
        if label == BACKGROUND and label not in annotations.numbers:
            numbers[place] = IGNORED if annotations.background is None else annotations.background
        else:
            numbers[place] = annotations.number(label)
            meant = meant or label == IGNORE
    return numbers[indices].reshape(image.height, image.width), meant


def write_masks_zip(
    path: Path, items: Sequence[Item], classes: Sequence[str], colours: Sequence[tuple[int, int, int]]
) -> None:
    """Write predicted masks as "Segmentation mask 1.1": masks of classes, and of objects, where a class is one object.

    Class masks have the colours of the label map, object masks those of PASCAL VOC, as readers expect.
    """
    tables = {CLASS_MASKS: np.zeros((256, 3), np.uint8), "SegmentationObject": np.zeros((256, 3), np.uint8)}
    tables[CLASS_MASKS][: len(classes)] = colours
    for number, (name, hue) in enumerate(zip(classes, voc_colours(), strict=False)):
        tables["SegmentationObject"][number] = (0, 0, 0) if name == BACKGROUND else hue
    predicted = [item for item in items if item.prediction is not None]
    stems = [without_suffix(link_name(item.name, item.rank)) for item in predicted]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, LABEL_MAP, label_map_text(classes, colours).encode())
        _add(archive, "ImageSets/Segmentation/default.txt", "".join(f"{stem}\n" for stem in stems).encode())
        for item, stem in zip(predicted, stems, strict=True):
            for folder, table in tables.items():
                stream = io.BytesIO()
                Image.fromarray(table[np.asarray(item.prediction)]).save(stream, "PNG")
                _add(archive, f"{folder}/{stem}.png", stream.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)  # a fixed time: the same batch gives the same bytes
