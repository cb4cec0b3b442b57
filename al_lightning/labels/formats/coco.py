"""COCO's JSON, of instances or of one region per class: read, and written for CVAT.

https://cocodataset.org/#format-data
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from al_lightning.labels.content import IGNORED, count_of
from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats import Format
from al_lightning.labels.import_result import MOST_REGIONS, Annotations
from al_lightning.labels.item import Item
from al_lightning.labels.shapes.coco_rle import decode_rle, encode_counts
from al_lightning.labels.shapes.polygons import fill, flat_polygons
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, whole

_LARGEST_ID = 1 << 62


class Coco(Format):
    """Masks. Where annotations overlap, the smaller one is on top, and of equal ones the later.

    COCO has no order in depth, and usually a small object is in front of a large one.
    """

    form: ClassVar[str] = "COCO's JSON (`images` and `annotations`)"
    kinds: ClassVar[tuple[Kind, ...]] = ("pixel",)
    members: ClassVar[tuple[str, ...]] = ("*.json",)

    def recognises(self, source: Source) -> bool:
        """Accept JSON with `images` and `annotations`."""
        return isinstance(source.json, dict) and {"images", "annotations"} <= source.json.keys()

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read masks; an image without annotations is not labelled yet."""
        classes = _classes(source.json)
        regions: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for annotation in _objects(source.json, "annotations", "an annotation"):
            if "segments_info" in annotation:
                raise Malformed("it is COCO's panoptic JSON; export instances (or masks as PNG)")
            regions[_id(annotation, "image_id", "`image_id`")].append(annotation)
        waiting = 0
        for image in _objects(source.json, "images", "an image"):
            identity, file = _id(image, "id", "an image's `id`"), image.get("file_name")
            of_image = regions.pop(identity, [])
            if not of_image:
                waiting += 1
                continue
            try:
                if not isinstance(file, str):
                    raise Malformed("its `file_name` is no text")
                _image(annotations.names.find(file), image, of_image, classes, annotations)
            except Malformed as error:
                annotations.problem(f"{source.where}, image {shown(file)}", error)
        if count := sum(map(len, regions.values())):
            text = f"{count_of(count, 'annotation')} of images that are not in `images`, or are there twice"
            annotations.problem(source.where, text)
        annotations.note(source.where, waiting, "image", "without annotation, not labelled yet")


FORMAT = Coco()


def _objects(fields: dict[str, Any], key: str, what: str) -> Iterator[dict[str, Any]]:
    for value in listed(fields.get(key), f"`{key}`"):
        yield mapped(value, what)


def _id(fields: dict[str, Any], key: str, what: str) -> int:
    return whole(fields.get(key), what, 0, _LARGEST_ID)


def _classes(fields: dict[str, Any]) -> dict[int, object]:
    names: dict[int, object] = {}
    for category in _objects(fields, "categories", "a category"):
        if (identity := _id(category, "id", "a category's `id`")) in names:
            raise Malformed(f"two categories have the id {identity}")
        names[identity] = category.get("name")
    return names


def _image(
    name: str,
    image: dict[str, Any],
    regions: list[dict[str, Any]],
    classes: dict[int, object],
    annotations: Annotations,
) -> None:
    width, height = (whole(image.get(side), f"its `{side}`", 1, 1 << 30) for side in ("width", "height"))
    annotations.check_size(name, width, height)
    if len(regions) > MOST_REGIONS:
        raise Malformed(f"it has {len(regions):,} annotations; at most {MOST_REGIONS:,} are read")

    def checked() -> Iterator[tuple[int, Region]]:
        for region in regions:
            category = _id(region, "category_id", "`category_id`")
            if category not in classes:
                raise Malformed(f"its category {category} is not in `categories`")
            pixels = _region(region.get("segmentation"), width, height)
            yield annotations.number(classes[category]), pixels

    annotations.paint_by_size(name, checked())


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
                    "iscrowd": 1,  # says that `segmentation` has run lengths and no polygons
                }
            )
    categories = [{"id": number + 1, "name": name, "supercategory": ""} for number, name in enumerate(classes)]
    return {"info": {}, "licenses": [], "categories": categories, "images": images, "annotations": annotations}
