"""A batch for CVAT: its labels, its predictions as annotations, and how to bring them in and out.

Pixels: COCO 1.0, and "Segmentation mask 1.1" (https://docs.cvat.ai/docs/dataset_management/formats/format-smask).
Classes: tags in "CVAT for images 1.1" (https://docs.cvat.ai/docs/other/xml_format), which is what the tags of an image
are in; its ImageNet format would need every image once more.
"""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

from al_lightning.labels.filenames import link_name, without_suffix
from al_lightning.labels.formats.coco import write_coco
from al_lightning.labels.formats.masks import BACKGROUND, CLASS_MASKS, LABEL_MAP
from al_lightning.labels.import_result import IGNORE
from al_lightning.labels.item import Item
from al_lightning.labels.pictures import Colours
from al_lightning.labels.store import Kind

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_cvat(
    folder: Path, batch: Path, items: Sequence[Item], classes: Sequence[str], kind: Kind, colours: Colours
) -> None:
    """Write a batch's folder for CVAT.

    Args:
        folder: where to write; it is there.
        batch: where the batch will lie.
        items: its images.
        classes: names of the classes.
        kind: what a label is.
        colours: (classes, 3) uint8, RGB.
    """
    hues = mask_colours(classes, colours)
    if kind == "pixel" and IGNORE not in classes:
        # Not black: CVAT's masks would have it in common with what nobody labelled.
        painted = [*classes, IGNORE]
        labels = label_constructor(painted, kind, mask_colours(painted, np.vstack([colours, [[96, 96, 96]]])))
    else:
        labels = label_constructor(classes, kind, hues)
    (folder / "labels.json").write_text(_json(labels))
    predicted = any(item.prediction is not None for item in items)
    if predicted and kind == "image":
        (folder / "annotations.xml").write_text(tags_xml(items, classes), encoding="utf-8")
    elif predicted:
        (folder / "annotations.json").write_text(_json(write_coco(items, classes)))
        write_masks_zip(folder / "masks.zip", items, classes, hues)
    (folder / "README.txt").write_text(_readme(batch, kind, predicted), encoding="utf-8", errors="surrogateescape")


def _json(values: Any) -> str:
    return json.dumps(values) + "\n"


def label_constructor(classes: Sequence[str], kind: Kind, colours: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
    """Return the labels for CVAT's label constructor (Raw)."""
    return [
        {
            "name": name,
            "color": "#" + bytes(colour).hex(),
            "type": "tag" if kind == "image" else "any",
            "attributes": [],
        }
        for name, colour in zip(classes, colours, strict=True)
    ]


def mask_colours(classes: Sequence[str], colours: Colours) -> list[tuple[int, int, int]]:
    """Return a colour per class that masks can tell apart: none twice, and black for `background` alone.

    Args:
        classes: names of the classes.
        colours: (classes, 3) uint8, RGB; a colour that is taken is replaced.
    """
    taken = {(0, 0, 0)}
    found = []
    free = _voc_colours()
    for name, colour in zip(classes, colours.tolist(), strict=True):
        hue = (colour[0], colour[1], colour[2])
        if name == BACKGROUND:
            found.append((0, 0, 0))
            continue
        while hue in taken:
            hue = next(free)
        taken.add(hue)
        found.append(hue)
    return found


def _voc_colours() -> Iterator[tuple[int, int, int]]:
    """Yield the colours of PASCAL VOC: the bits of a number, dealt out to red, green and blue from the highest on."""
    for number in range(1, 256):
        hue = [0, 0, 0]
        for bit in range(8):
            hue[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
        yield hue[0], hue[1], hue[2]
    yield from ((red, green, blue) for red in range(1, 256) for green in range(1, 256) for blue in (85, 170))


def tags_xml(items: Sequence[Item], classes: Sequence[str]) -> str:
    """Return predicted classes as tags, CVAT for images 1.1."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    for number, item in enumerate(sorted(items, key=lambda item: item.rank)):
        name = quoteattr(link_name(item.name, item.rank))
        lines.append(f'  <image id="{number}" name={name} width="{item.width}" height="{item.height}">')
        if item.prediction is not None:
            lines.append(f'    <tag label={quoteattr(classes[int(item.prediction)])} source="auto"></tag>')
        lines.append("  </image>")
    return "\n".join([*lines, "</annotations>", ""])


def write_masks_zip(
    path: Path, items: Sequence[Item], classes: Sequence[str], colours: Sequence[tuple[int, int, int]]
) -> None:
    """Write predicted masks as "Segmentation mask 1.1": their classes, and their objects, of which a class is one.

    The classes have the colours of the label map, the objects those of PASCAL VOC, as readers expect.
    """
    tables = {CLASS_MASKS: np.zeros((256, 3), np.uint8), "SegmentationObject": np.zeros((256, 3), np.uint8)}
    tables[CLASS_MASKS][: len(classes)] = colours
    for number, (name, hue) in enumerate(zip(classes, _voc_colours(), strict=False)):
        tables["SegmentationObject"][number] = (0, 0, 0) if name == BACKGROUND else hue
    labels = [*([] if BACKGROUND in classes else [(BACKGROUND, (0, 0, 0))]), *zip(classes, colours, strict=True)]
    text = "# label:color_rgb:parts:actions\n" + "".join(
        f"{name}:{red},{green},{blue}::\n" for name, (red, green, blue) in labels
    )
    ordered = [item for item in sorted(items, key=lambda item: item.rank) if item.prediction is not None]
    stems = [without_suffix(link_name(item.name, item.rank)) for item in ordered]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, LABEL_MAP, text.encode())
        _add(archive, "ImageSets/Segmentation/default.txt", "".join(f"{stem}\n" for stem in stems).encode())
        for item, stem in zip(ordered, stems, strict=True):
            for folder, table in tables.items():
                stream = io.BytesIO()
                Image.fromarray(table[np.asarray(item.prediction)]).save(stream, "PNG")
                _add(archive, f"{folder}/{stem}.png", stream.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)  # without the time, one batch gives the same bytes


def _readme(batch: Path, kind: Kind, predicted: bool) -> str:
    run_dir = shlex.quote(str(batch.parent.parent))
    upload = "CVAT 1.1 (annotations.xml)"
    if kind == "pixel":
        upload = "COCO 1.0 (annotations.json) or Segmentation mask 1.1 (masks.zip)"
    before = f"\n   For the network's predictions: Actions > Upload annotations,\n   {upload}." if predicted else ""
    name = "CVAT for images 1.1 (or ImageNet 1.0 with images)" if kind == "image" else "Segmentation mask 1.1"
    other = "" if kind == "image" else ", COCO 1.0 or CVAT for images 1.1"
    how = "give each image one tag" if kind == "image" else f"draw masks or polygons (`{IGNORE}` for no class)"
    return f"""CVAT (https://cvat.ai): this batch in, labels out.

1. Create a task: labels by pasting labels.json into the constructor (Raw), images from the folder images.{before}
2. In the task {how}.
3. Actions > Export task dataset, as {name}{other}, then:
     al-lightning labels import {run_dir} FILE.zip
   An image without annotations counts as not labelled.
"""
