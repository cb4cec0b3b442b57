"""COCO's JSON of instances, or of one region per class: read and written.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats.coco_rle import decode_rle, encode_counts
from al_lightning.labels.formats.polygons import fill, flat_polygons
from al_lightning.labels.import_result import IGNORED, MOST_REGIONS, Findings
from al_lightning.labels.item import Item
from al_lightning.labels.region import Region
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, whole

_LARGEST_ID = 1 << 62


def is_coco(values: Any) -> bool:
    """Tell whether JSON is COCO's."""
    return isinstance(values, dict) and "images" in values and "annotations" in values


def read_coco(values: Any, where: str, findings: Findings) -> None:
    """Read annotations.

    Where annotations overlap, the smaller one lies on top, of two of one size the later: COCO has no order in depth,
    and a small object in front of a large one is the common case. An image without annotations is not labelled yet.

    Raises:
        Malformed: the file is none, or its parts do not fit together.
    """
    if findings.kind != "pixel":
        raise Malformed("it is COCO's JSON, which labels pixels; this run's labels are a class per image")
    fields = mapped(values, "it")
    classes = _classes(fields)
    regions: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in listed(fields.get("annotations"), "`annotations`"):
        one = mapped(annotation, "an annotation")
        if "segments_info" in one:
            raise Malformed("it is COCO's panoptic JSON; export instances (or masks as PNG)")
        regions[whole(one.get("image_id"), "`image_id`", 0, _LARGEST_ID)].append(one)
    waiting = 0
    for image in listed(fields.get("images"), "`images`"):
        one = mapped(image, "an image")
        identity, file = whole(one.get("id"), "an image's `id`", 0, _LARGEST_ID), one.get("file_name")
        found = regions.pop(identity, [])
        if not found:
            waiting += 1
            continue
        place = f"{where}, image {shown(file)}"
        try:
            if not isinstance(file, str):
                raise Malformed("its `file_name` is no text")
            name = findings.names.find(file)
            _image(name, one, found, classes, findings)
        except Malformed as error:
            findings.problem(place, error)
    if regions:
        count = sum(map(len, regions.values()))
        findings.problem(where, f"{count} annotations are of images that are not in `images`, or are there twice")
    if waiting:
        findings.notes.append(f"{where}: {waiting} images have no annotation, and count as not labelled yet.")


def _classes(fields: dict[str, Any]) -> dict[int, object]:
    found: dict[int, object] = {}
    for category in listed(fields.get("categories"), "`categories`"):
        one = mapped(category, "a category")
        identity = whole(one.get("id"), "a category's `id`", 0, _LARGEST_ID)
        if identity in found:
            raise Malformed(f"two categories have the id {identity}")
        found[identity] = one.get("name")
    return found


def _image(
    name: str, image: dict[str, Any], found: list[dict[str, Any]], classes: dict[int, object], findings: Findings
) -> None:
    width, height = findings.known[name]
    size = [whole(image.get(side), f"its `{side}`", 1, 1 << 30) for side in ("width", "height")]
    findings.check_size(name, size[0], size[1])
    if len(found) > MOST_REGIONS:
        raise Malformed(f"it has {len(found):,} annotations; at most {MOST_REGIONS:,} are read")
    findings.paint_by_size(name, _regions(found, width, height, classes, findings))


def _regions(
    found: list[dict[str, Any]], width: int, height: int, classes: dict[int, object], findings: Findings
) -> Iterator[tuple[int, Region]]:
    for one in found:
        category = whole(one.get("category_id"), "`category_id`", 0, _LARGEST_ID)
        if category not in classes:
            raise Malformed(f"its category {category} is not in `categories`")
        region = _region(one.get("segmentation"), width, height)
        yield findings.number(classes[category]), region


def _region(segmentation: object, width: int, height: int) -> Region:
    if isinstance(segmentation, dict):
        return Region(decode_rle(segmentation, width, height))
    parts = listed(segmentation, "`segmentation`")
    if not parts:
        raise Malformed("an annotation has no `segmentation`, perhaps a box alone; masks or polygons are read")
    if len(parts) > MOST_REGIONS:
        raise Malformed(f"an annotation has {len(parts):,} polygons; at most {MOST_REGIONS:,} are read")
    return fill(flat_polygons(parts, width, height), width, height)


def write_coco(items: Sequence[Item], classes: Sequence[str]) -> dict[str, Any]:
    """Return predicted masks as COCO's JSON, a region per image and class, in run lengths as numbers."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, item in enumerate(items, start=1):
        file = link_name(item.name, item.rank)
        images.append({"id": number, "file_name": file, "width": item.width, "height": item.height})
        if item.prediction is None:
            continue
        for value in np.unique(item.prediction):
            if value == IGNORED:
                continue
            region = np.asarray(item.prediction) == value
            rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
            box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(value) + 1,
                    "segmentation": {"size": [item.height, item.width], "counts": encode_counts(region)},
                    "area": int(region.sum()),
                    "bbox": [int(side) for side in box],
                    "iscrowd": 1,  # what tells a reader that run lengths follow, and no polygon
                }
            )
    categories = [{"id": number + 1, "name": name, "supercategory": ""} for number, name in enumerate(classes)]
    return {"info": {}, "licenses": [], "categories": categories, "images": images, "annotations": annotations}
