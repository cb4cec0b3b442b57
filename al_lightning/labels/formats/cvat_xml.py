"""CVAT's own XML, "CVAT for images 1.1": tags, polygons and masks.

https://docs.cvat.ai/docs/other/xml_format
"""

from __future__ import annotations

from typing import Any, NoReturn
from xml.parsers import expat

import numpy as np

from al_lightning.labels.formats.polygons import MOST_POINTS, fill, polygon_of
from al_lightning.labels.import_result import MOST_REGIONS, Findings
from al_lightning.labels.region import Region
from al_lightning.labels.untrusted import Malformed, shown

Attributes = dict[str, str]
Shape = tuple[str, Attributes]
_SHAPES = frozenset({"tag", "polygon", "mask", "box", "polyline", "points", "ellipse", "cuboid", "skeleton"})
_DIGITS = 18
_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-1", "utf-16")
"""Those that the parser knows itself; in others the signs that are counted might be other bytes."""


def read_cvat_xml(content: bytes, where: str, findings: Findings) -> None:
    """Read annotations; an image without any is not labelled yet.

    A shape of a higher `z_order` lies on top, of one order the later.

    Raises:
        Malformed: it is no such file.
    """
    findings.limits.check_xml(content)
    images = _images(content)
    waiting = left_out = 0
    for attributes, shapes in images:
        place = f"{where}, image {shown(attributes.get('name'))}"
        ours = [shape for shape in shapes if (shape[0] == "tag") == (findings.kind == "image")]
        left_out += len(shapes) - len(ours)
        if not ours:
            waiting += 1
            continue
        try:
            name = findings.names.find(attributes.get("name", ""))
            if findings.kind == "image":
                if len(ours) != 1:
                    raise Malformed(f"it has {len(ours)} tags; one class was expected")
                findings.add_class(name, findings.number(ours[0][1].get("label")))
            else:
                _mask(name, attributes, ours, findings)
        except Malformed as error:
            findings.problem(place, error)
    if waiting:
        findings.notes.append(f"{where}: {waiting} images have no annotation, and count as not labelled yet.")
    if left_out:
        findings.notes.append(f"{where}: {left_out} annotations that are no labels of this kind were left out.")


def _images(content: bytes) -> list[tuple[Attributes, list[Shape]]]:
    """Return images with their shapes; a document type, which could name entities and files, is refused."""
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


def _mask(name: str, attributes: Attributes, shapes: list[Shape], findings: Findings) -> None:
    width, height = findings.known[name]
    size = [_whole(attributes, side, 1 << 30) for side in ("width", "height")]
    findings.check_size(name, size[0], size[1])
    if len(shapes) > MOST_REGIONS:
        raise Malformed(f"it has {len(shapes):,} shapes; at most {MOST_REGIONS:,} are read")
    ordered = sorted(shapes, key=lambda shape: _whole(shape[1], "z_order", 1 << 31, least=-(1 << 31), missing=0))
    findings.paint(name, (_region(tag, values, width, height, findings) for tag, values in ordered))


def _region(tag: str, values: Attributes, width: int, height: int, findings: Findings) -> tuple[int, Region]:
    if tag not in ("polygon", "mask"):
        raise Malformed(f"it has a shape of type {tag}; polygons and masks are read")
    number = findings.number(values.get("label"))
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
    counts = [_whole({"rle": one}, "rle", wide * high) for one in text.split(",")]
    if sum(counts) != wide * high:
        raise Malformed(f"a mask's run lengths sum to {sum(counts):,} pixels; its box has {wide * high:,}")
    ones = np.arange(len(counts)) % 2 == 1
    return Region(np.repeat(ones, counts).reshape(high, wide), top, left)
