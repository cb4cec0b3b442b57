"""COCO's JSON of instances, or of one region per class. Read, and written for CVAT.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats import Format
from al_lightning.labels.import_result import IGNORED, MOST_REGIONS, Annotations
from al_lightning.labels.item import Item
from al_lightning.labels.shapes.coco_rle import decode_rle, encode_counts
from al_lightning.labels.shapes.polygons import fill, flat_polygons
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, whole

_LARGEST_ID = 1 << 62


class Coco(Format):
    """Where annotations overlap, the smaller one lies on top, of equal ones the later.

    COCO has no order in depth, and a small object in front of a large one is the common case.
    """

    form: ClassVar[str] = "COCO's JSON (`images` and `annotations`)"
    kinds: ClassVar[tuple[Kind, ...]] = ("pixel",)
    members: ClassVar[tuple[str, ...]] = ("*.json",)

    def recognises(self, source: Source) -> bool:
        """Look for JSON with `images` and `annotations`."""
        return isinstance(source.json, dict) and {"images", "annotations"} <= source.json.keys()

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read masks; an image without annotations is not labelled yet."""
        classes = _classes(source.json)
        regions: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in listed(source.json["annotations"], "`annotations`"):
            one = mapped(annotation, "an annotation")
            if "segments_info" in one:
                raise Malformed("it is COCO's panoptic JSON; export instances (or masks as PNG)")
            regions[whole(one.get("image_id"), "`image_id`", 0, _LARGEST_ID)].append(one)
        waiting = 0
        for image in listed(source.json["images"], "`images`"):
            one = mapped(image, "an image")
            identity, file = whole(one.get("id"), "an image's `id`", 0, _LARGEST_ID), one.get("file_name")
            of_image = regions.pop(identity, [])
            if not of_image:
                waiting += 1
                continue
            try:
                if not isinstance(file, str):
                    raise Malformed("its `file_name` is no text")
                _image(annotations.names.find(file), one, of_image, classes, annotations)
            except Malformed as error:
                annotations.problem(f"{source.where}, image {shown(file)}", error)
        if count := sum(map(len, regions.values())):
            text = f"{count} annotations are of images that are not in `images`, or are there twice"
            annotations.problem(source.where, text)
        annotations.note(source.where, waiting, "images have no annotation, and count as not labelled yet")


FORMAT = Coco()


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
    name: str,
    image: dict[str, Any],
    regions: list[dict[str, Any]],
    classes: dict[int, object],
    annotations: Annotations,
) -> None:
    size = [whole(image.get(side), f"its `{side}`", 1, 1 << 30) for side in ("width", "height")]
    annotations.check_size(name, size[0], size[1])
    if len(regions) > MOST_REGIONS:
        raise Malformed(f"it has {len(regions):,} annotations; at most {MOST_REGIONS:,} are read")
    annotations.paint_by_size(name, _regions(regions, size[0], size[1], classes, annotations))


def _regions(
    regions: list[dict[str, Any]], width: int, height: int, classes: dict[int, object], annotations: Annotations
) -> Iterator[tuple[int, Region]]:
    for one in regions:
        category = whole(one.get("category_id"), "`category_id`", 0, _LARGEST_ID)
        if category not in classes:
            raise Malformed(f"its category {category} is not in `categories`")
        region = _region(one.get("segmentation"), width, height)
        yield annotations.number(classes[category]), region


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
    """Return predicted masks as COCO's JSON: a region for each class of each image, as run lengths in numbers."""
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
