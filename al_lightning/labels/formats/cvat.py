"""CVAT: reading of its XML "CVAT for images 1.1", and a batch's labels and predictions for it.

Predicted masks are written as COCO 1.0 and as "Segmentation mask 1.1". Predicted classes are written as tags in XML,
since CVAT's ImageNet format would need a copy of every image. https://docs.cvat.ai/docs/other/xml_format
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats import Format
from al_lightning.labels.formats.coco import write_coco
from al_lightning.labels.formats.masks import write_masks_zip
from al_lightning.labels.import_result import IGNORE, MOST_REGIONS, Annotations
from al_lightning.labels.item import Item, LabelBatch
from al_lightning.labels.shapes.label_map import mask_colours
from al_lightning.labels.shapes.polygons import MOST_POINTS, fill, polygon_of
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, shown

Attributes = dict[str, str]
Shape = tuple[str, Attributes]
_SHAPES = frozenset({"tag", "polygon", "mask", "box", "polyline", "points", "ellipse", "cuboid", "skeleton"})
_DIGITS = 18
_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "utf-16")
"""Encodings that the parser has built in; in others, the signs that `check_xml` counts might be other bytes."""


class Cvat(Format):
    """Tags, polygons and masks. A shape of higher `z_order` is on top, and of equal ones the later."""

    form: ClassVar[str] = "CVAT for images 1.1 (XML)"
    members: ClassVar[tuple[str, ...]] = ("annotations.xml",)
    folder: ClassVar[str] = "cvat"

    def recognises(self, source: Source) -> bool:
        """Accept XML."""
        return source.text.startswith(b"<")

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read annotations; an image without annotations is not labelled yet."""
        content = source.load()
        source.limits.check_xml(content)
        waiting = left_out = 0
        for attributes, shapes in _images(content):
            fitting = [shape for shape in shapes if (shape[0] == "tag") == (source.kind == "image")]
            left_out += len(shapes) - len(fitting)
            if not fitting:
                waiting += 1
                continue
            try:
                name = annotations.names.find(attributes.get("name", ""))
                if source.kind == "pixel":
                    _mask(name, attributes, fitting, annotations)
                elif len(fitting) == 1:
                    annotations.add_class(name, annotations.number(fitting[0][1].get("label")))
                else:
                    raise Malformed(f"it has {len(fitting)} tags; one class was expected")
            except Malformed as error:
                annotations.problem(f"{source.where}, image {shown(attributes.get('name'))}", error)
        annotations.note(source.where, waiting, "image", "without annotation, not labelled yet")
        annotations.note(source.where, left_out, "annotation", "left out, for other kinds of labels")

    def write(self, folder: Path, batch: LabelBatch) -> None:
        """Write the labels for CVAT's constructor, the predictions, and instructions."""
        classes, colours = batch.classes, batch.colours
        if batch.kind == "pixel" and IGNORE not in classes:
            # Not black: CVAT's masks use black for unlabelled pixels.
            classes, colours = [*classes, IGNORE], np.vstack([colours, [[96, 96, 96]]])
        shape = "tag" if batch.kind == "image" else "any"
        labels = [
            {"name": name, "color": "#" + bytes(colour).hex(), "type": shape, "attributes": []}
            for name, colour in zip(classes, mask_colours(classes, colours), strict=True)
        ]
        (folder / "labels.json").write_text(json.dumps(labels) + "\n")
        predicted = any(item.prediction is not None for item in batch.items)
        if predicted and batch.kind == "image":
            (folder / "annotations.xml").write_text(tags_xml(batch.items, batch.classes), encoding="utf-8")
        elif predicted:
            (folder / "annotations.json").write_text(json.dumps(write_coco(batch.items, batch.classes)) + "\n")
            hues = mask_colours(batch.classes, batch.colours)
            write_masks_zip(folder / "masks.zip", batch.items, batch.classes, hues)
        text = _readme(batch.folder, batch.kind, predicted)
        (folder / "README.txt").write_text(text, encoding="utf-8", errors="surrogateescape")


FORMAT = Cvat()


def _images(content: bytes) -> list[tuple[Attributes, list[Shape]]]:
    """Return images with their shapes; a document type is refused, since it could name entities and files."""
    images: list[tuple[Attributes, list[Shape]]] = []
    path: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        path.append(tag)
        if len(path) == 1 and tag != "annotations":
            raise Malformed("it is XML, but not CVAT's for images")
        if tag == "track" and len(path) == 2:
            raise Malformed("it is CVAT's XML of a video; export the task as CVAT for images 1.1")
        if path == ["annotations", "image"]:
            images.append((attributes, []))
        elif len(path) == 3 and path[1] == "image" and tag in _SHAPES:
            images[-1][1].append((tag, attributes))

    def end(tag: str) -> None:
        path.pop()

    def refuse(*_: Any) -> NoReturn:
        raise Malformed("its XML has a document type (DOCTYPE), which no annotations need; it was not read")

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or _ENCODINGS[0]).lower() not in _ENCODINGS:
            raise Malformed(f"its XML is in the encoding {shown(encoding)}; save it as UTF-8")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler, parser.XmlDeclHandler = refuse, declared
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Malformed(f"it is no XML ({error})") from error
    return images


def _mask(name: str, attributes: Attributes, shapes: list[Shape], annotations: Annotations) -> None:
    width, height = (_whole(attributes, side, 1 << 30) for side in ("width", "height"))
    annotations.check_size(name, width, height)
    if len(shapes) > MOST_REGIONS:
        raise Malformed(f"it has {len(shapes):,} shapes; at most {MOST_REGIONS:,} are read")
    ordered = sorted(shapes, key=lambda shape: _whole(shape[1], "z_order", 1 << 31, least=-(1 << 31), missing=0))
    annotations.paint(name, (_region(tag, values, width, height, annotations) for tag, values in ordered))


def _region(tag: str, values: Attributes, width: int, height: int, annotations: Annotations) -> tuple[int, Region]:
    if tag not in ("polygon", "mask"):
        raise Malformed(f"it has a shape of type {tag}; polygons and masks are read")
    number = annotations.number(values.get("label"))
    return number, (_polygon if tag == "polygon" else _run_lengths)(values, width, height)


def _whole(values: Attributes, key: str, most: int, least: int = 0, missing: int | None = None) -> int:
    text = values.get(key, "" if missing is None else str(missing)).strip()
    bare = text.removeprefix("-")
    if not (bare.isascii() and bare.isdigit() and len(bare) <= _DIGITS) or not least <= int(text) <= most:
        raise Malformed(f"its `{key}` is {shown(text)}, no whole number from {least} to {most}")
    return int(text)


def _polygon(values: Attributes, width: int, height: int) -> Region:
    points, text = [], values.get("points", "")
    if max(text.count(";"), text.count(",")) > MOST_POINTS:
        raise Malformed(f"a polygon has more than {MOST_POINTS:,} points")
    for pair in text.split(";"):
        try:
            points.append([float(number) for number in pair.split(",")])
        except ValueError as error:
            raise Malformed(f"a polygon's point is {shown(pair)}, not `x,y`") from error
    return fill(polygon_of(points, width, height), width, height)


def _run_lengths(values: Attributes, width: int, height: int) -> Region:
    """Return CVAT's mask: zeros, ones, zeros ... along the rows of a box of the image."""
    left, top = _whole(values, "left", width), _whole(values, "top", height)
    wide, high = _whole(values, "width", width - left, 1), _whole(values, "height", height - top, 1)
    text = values.get("rle", "")
    if text.count(",") > 2 * wide * high:
        raise Malformed(f"a mask has more run lengths than its box, {wide} x {high}, can need")
    counts = [_whole({"rle": count}, "rle", wide * high) for count in text.split(",")]
    if sum(counts) != wide * high:
        raise Malformed(f"a mask's run lengths sum to {sum(counts):,} pixels; its box has {wide * high:,}")
    ones = np.arange(len(counts)) % 2 == 1
    return Region(np.repeat(ones, counts).reshape(high, wide), top, left)


def tags_xml(items: Sequence[Item], classes: Sequence[str]) -> str:
    """Return predicted classes as tags in "CVAT for images 1.1"."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>"]
    for number, item in enumerate(items):
        name = quoteattr(link_name(item.name, item.rank))
        lines.append(f'  <image id="{number}" name={name} width="{item.width}" height="{item.height}">')
        if item.prediction is not None:
            lines.append(f'    <tag label={quoteattr(classes[int(item.prediction)])} source="auto"></tag>')
        lines.append("  </image>")
    return "\n".join([*lines, "</annotations>", ""])


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
