"""Runs that wait for labels, and labels in every format that comes back."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from al_lightning.labels.formats.coco import write_coco
from al_lightning.labels.formats.cvat import tags_xml
from al_lightning.labels.formats.label_studio import tasks
from al_lightning.labels.formats.masks import write_masks_zip
from al_lightning.labels.item import Item
from al_lightning.labels.project import Project, read_project, write_project
from al_lightning.labels.shapes.coco_rle import encode_counts
from al_lightning.labels.shapes.label_map import mask_colours
from al_lightning.labels.store import LabelStore

Call = Callable[..., Any]
CLASSES = ("sky", "car", "tree & bush")
COLOURS = ((0, 0, 0), (200, 10, 10), (10, 200, 10))
NAMES = ("a/one.jpg", "b/one.jpg", "two.png")
WIDTH, HEIGHT = 8, 6
IN_BATCH = [f"{rank:04d}_{name.replace('/', '__')}" for rank, name in enumerate(NAMES, start=1)]
MAP = "background:0,0,0::\nsky:1,2,3::\n"
MASK = "SegmentationClass/two.png"
XML_IMAGE = '<annotations><image name="two.png" width="8" height="6">{}</image></annotations>'


def pack_counts(counts: Sequence[int]) -> str:
    """Return run lengths as COCO's text, which is read and never written."""
    text = []
    for place, count in enumerate(counts):
        rest = count - counts[place - 2] if place > 2 else count
        while True:
            bits, rest = rest & 31, rest >> 5
            done = rest == (-1 if bits & 16 else 0)
            text.append(chr(48 + bits + (0 if done else 32)))
            if done:
                break
    return "".join(text)


def django(name: str) -> str:
    """`get_valid_filename` of Django, which Label Studio calls for an uploaded file."""
    return re.sub(r"(?u)[^-\w.]", "", name.strip().replace(" ", "_"))


def make_run(folder: Path, kind: str) -> Path:
    """A run that waits for three labels."""
    run = folder / f"run_{kind}"
    sizes = dict.fromkeys(NAMES, (WIDTH, HEIGHT))
    write_project(run, Project(kind, CLASSES, COLOURS, "data", "labels", sizes, "al-lightning fit --config x"))
    for name, rows in (("cycle_00", NAMES[:2]), ("initial", NAMES[2:])):
        (run / "batches" / name).mkdir(parents=True)
        table = "path,rank,score,sequence\n" + "".join(f"{row},{rank},,\n" for rank, row in enumerate(rows, start=1))
        (run / "batches" / name / "to_label.csv").write_text(table)
    return run


def store(run: Path) -> LabelStore:
    return LabelStore(run / "labels", CLASSES, read_project(run).kind)


def content(run: Path) -> dict[str, bytes]:
    """Every byte of a store."""
    files = (path for path in (run / "labels").rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(run)): path.read_bytes() for path in files}


def masks_of(seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.choice(np.array([0, 1, 2, 255], np.uint8), (HEIGHT, WIDTH)) for _ in NAMES]


def as_items(labels: list) -> list[Item]:
    return [
        Item(name, Path(name), rank, None, None, None, WIDTH, HEIGHT, label, None)
        for rank, (name, label) in enumerate(zip(NAMES, labels, strict=True), start=1)
    ]


def studio(labels: list) -> list[dict]:
    """Label Studio's export: what it was given as predictions, annotated by people."""
    found = []
    for number, task in enumerate(tasks(Path("run/batches/cycle_00"), as_items(labels), CLASSES)):
        result = task.pop("predictions")[0]["result"]
        annotation = {"id": number, "completed_by": 1, "was_cancelled": False, "result": result}
        found.append({"id": number + 1, "annotations": [annotation], "predictions": [], **task})
    return found


def png(mask: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return stream.getvalue()


def packed_coco(labels: list) -> dict:
    coco = write_coco(as_items(labels), CLASSES)
    for one in coco["annotations"]:
        one["segmentation"]["counts"] = pack_counts(one["segmentation"]["counts"])
    return coco


def cvat_xml(labels: list) -> str:
    """CVAT's XML with a mask per class, its box the whole image, as zeros, ones, zeros ... along the rows."""
    lines = ["<?xml version='1.0' encoding='utf-8'?><annotations><version>1.1</version>"]
    for number, (name, label) in enumerate(zip(IN_BATCH, labels, strict=True)):
        lines.append(f'<image id="{number}" name="{name}" width="{WIDTH}" height="{HEIGHT}">')
        for value in np.unique(label[label != 255]):
            counts = ", ".join(map(str, encode_counts((label == value).T)))
            box = f'left="0" top="0" width="{WIDTH}" height="{HEIGHT}" z_order="0"'
            lines.append(f'<mask label="{CLASSES[value].replace("&", "&amp;")}" rle="{counts}" {box}></mask>')
        lines.append("</image>")
    return "".join([*lines, "</annotations>"])


def file(name: str, text: bytes | str) -> Callable[[Path], Path]:
    """A function that writes a file into a folder."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return make


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def pixel_files(folder: Path, labels: list[np.ndarray]) -> Iterator[Path]:
    """The same masks in every format that is read."""
    (folder / "studio.json").write_text(json.dumps(studio(labels)))
    yield folder / "studio.json"
    (folder / "coco.json").write_text(json.dumps(write_coco(as_items(labels), CLASSES)))
    yield folder / "coco.json"
    (folder / "packed.json").write_text(json.dumps(packed_coco(labels)))
    yield folder / "packed.json"
    yield zipped(folder / "coco.zip", {"annotations/instances_default.json": json.dumps(packed_coco(labels))})
    write_masks_zip(folder / "masks.zip", as_items(labels), CLASSES, mask_colours(CLASSES, np.array(COLOURS)))
    yield folder / "masks.zip"
    (folder / "cvat.xml").write_text(cvat_xml(labels))
    yield folder / "cvat.xml"
    yield zipped(folder / "cvat.zip", {"annotations.xml": cvat_xml(labels)})
    for name, label in zip(NAMES, labels, strict=True):
        path = folder / "pngs" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(label))
    yield folder / "pngs"
    with zipfile.ZipFile(folder / "masks.zip") as archive:
        archive.extractall(folder / "unpacked")
    yield folder / "unpacked"


def image_files(folder: Path, labels: list[int]) -> Iterator[Path]:
    """The same classes in every format that is read."""
    (folder / "studio.json").write_text(json.dumps(studio(labels)))
    yield folder / "studio.json"
    (folder / "cvat.xml").write_text(tags_xml(as_items(labels), CLASSES))
    yield folder / "cvat.xml"
    yield zipped(folder / "cvat.zip", {"annotations.xml": tags_xml(as_items(labels), CLASSES)})
    named = {f"{CLASSES[label]}/{CLASSES[label]}_{n}": b"" for n, label in zip(IN_BATCH, labels, strict=True)}
    yield zipped(folder / "imagenet.zip", named)
    for name, label in zip(IN_BATCH, labels, strict=True):
        path = folder / "folders" / CLASSES[label] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    yield folder / "folders"
    lines = [f"{name},{CLASSES[label]}\n" for name, label in zip(NAMES, labels, strict=True)]
    (folder / "table.csv").write_text("image,class\n" + "".join(lines))
    yield folder / "table.csv"
