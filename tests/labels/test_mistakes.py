"""`al-lightning labels`: every mistake in an export is one sentence, and nothing is imported by half."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import DatasetError
from al_lightning.labels.formats.coco import write_coco
from tests.support.errors import refused
from tests.support.label_exports import (
    CLASSES,
    MAP,
    MASK,
    XML_IMAGE,
    Call,
    as_items,
    content,
    file,
    masks_of,
    png,
    store,
    studio,
)


def edited(change: Callable[[list[dict]], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        export = studio(masks_of())
        change(export)
        (folder / "e.json").write_text(json.dumps(export))
        return folder / "e.json"

    return make


def first(export: list[dict]) -> dict:
    return export[0]["annotations"][0]["result"][0]


def coco_edited(change: Callable[[dict], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        coco = write_coco(as_items(masks_of()), CLASSES)
        change(coco)
        (folder / "c.json").write_text(json.dumps(coco))
        return folder / "c.json"

    return make


def archive(files: dict[str, bytes | str], change: Callable[[zipfile.ZipInfo], object] = lambda info: None):
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "z.zip", "w", zipfile.ZIP_DEFLATED) as made:
            for name, text in files.items():
                info = zipfile.ZipInfo(name)
                change(info)
                made.writestr(info, text, zipfile.ZIP_DEFLATED)
        return folder / "z.zip"

    return make


def bomb() -> bytes:
    """A PNG whose head tells of 60,000 x 60,000 pixels."""
    made = bytearray(png(masks_of()[0]))
    made[16:24] = (60_000).to_bytes(4, "big") * 2
    return bytes(made)


def twice(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "z.zip", "w") as made:
        made.writestr("labelmap.txt", MAP)
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("labelmap.txt", MAP)
    return folder / "z.zip"


def lying(folder: Path) -> Path:
    """A member that says to be small and is large."""
    path = archive({"labelmap.txt": MAP, "SegmentationClass/two.png": b"0" * 3_000_000})(folder)
    raw = path.read_bytes()
    path.write_bytes(raw.replace((3_000_000).to_bytes(4, "little"), (900).to_bytes(4, "little")))
    return path


MALFORMED = {
    "unknown image": (edited(lambda e: e[0]["data"].update(name="x.jpg", image="x.jpg")), ["x.jpg", "none"]),
    "ambiguous image": (
        edited(lambda e: e[0].update(data={"image": "one.jpg"})),
        ["'a/one.jpg'", "'b/one.jpg'"],
    ),
    "size": (edited(lambda e: first(e).update(original_width=9)), ["9 x 6", "8 x 6"]),
    "no size": (edited(lambda e: first(e).pop("original_width")), ["original_width", "None"]),
    "rotation": (edited(lambda e: first(e).update(image_rotation=90)), ["task 1", "turned"]),
    "class": (edited(lambda e: first(e)["value"].update(brushlabels=["cat"])), ["'cat'", "'car'"]),
    "no class": (edited(lambda e: first(e)["value"].update(brushlabels=[])), ["task 1", "0 classes"]),
    "box": (edited(lambda e: first(e).update(type="rectanglelabels")), ["'rectanglelabels'"]),
    "type": (edited(lambda e: first(e).update(type=["brushlabels"])), ["`type`"]),
    "format": (edited(lambda e: first(e)["value"].update(format="png")), ["'png'"]),
    "brush": (edited(lambda e: first(e)["value"].update(rle=[0] * 9)), ["8 x 6", 192]),
    "result": (edited(lambda e: e[0]["annotations"][0].update(result=None)), ["`result`"]),
    "task": (edited(lambda e: e.append(7)), ["task 4"]),
    "not exported": (edited(lambda e: e[0].pop("annotations")), ["`annotations`"]),
    "no image": (edited(lambda e: e[0].update(data={})), ["`data`"]),
    "too many": (edited(lambda e: e[0].update(annotations=e[0]["annotations"] * 21)), ["'a/one.jpg'", 20]),
    "JSON-MIN": (file("m.json", '[{"image": "two.png", "class": "car"}]'), ["none of the formats", "JSON-MIN"]),
    "other JSON": (file("m.json", '{"a": 1}'), ["none of the formats", "Label Studio", "COCO"]),
    "nested": (file("m.json", "[" * 100_000), ["nested"]),
    "NaN": (file("m.json", '[{"data": NaN}]'), ["NaN"]),
    "huge number": (file("m.json", '[{"data": ' + "9" * 9_999 + "}]"), ["number"]),
    "cut": (file("m.json", '[{"data": '), ["JSON", "line 1"]),
    "binary": (file("m.bin", b"\x00\xff\xfe\x80" * 9), ["none of the formats"]),
    "empty": (file("m.csv", ""), ["none of the formats", "`image,class`"]),
    "table": (file("m.csv", "image,class\ntwo.png,car\n"), ["masks"]),
    "COCO size": (coco_edited(lambda c: c["images"][0].update(width=9)), ["9 x 6", "8 x 6"]),
    "COCO class": (coco_edited(lambda c: c["categories"][0].update(name="x")), ["'x'", "car"]),
    "COCO category": (coco_edited(lambda c: c["annotations"][0].update(category_id=9)), ["category 9"]),
    "COCO twice": (coco_edited(lambda c: c["categories"].append(c["categories"][0])), ["categories", 1]),
    "COCO image": (coco_edited(lambda c: c["annotations"][0].update(image_id=9)), ["1 annotation ", "`images`"]),
    "COCO box": (coco_edited(lambda c: c["annotations"][0].update(segmentation=[])), ["`segmentation`"]),
    "COCO name": (coco_edited(lambda c: c["images"][0].update(file_name=5)), ["`file_name`"]),
    "COCO path": (coco_edited(lambda c: c["images"][0].update(file_name="../../etc/passwd")), ["etc/passwd", "none"]),
    "panoptic": (coco_edited(lambda c: c["annotations"][0].update(segments_info=[])), ["panoptic"]),
    "zip up": (archive({"../x": b""}), ["'../x'"]),
    "zip root": (archive({"/x": b""}), ["'/x'"]),
    "zip drive": (archive({"C:/x": b""}), ["'C:/x'"]),
    "zip backslash": (archive({"a\\..\\..\\x": b""}), ["'a/../../x'"]),
    "zip link": (
        archive({"x": b"/etc/passwd"}, lambda i: setattr(i, "external_attr", (stat.S_IFLNK | 0o777) << 16)),
        ["'x'", "link"],
    ),
    "zip twice": (twice, ["'labelmap.txt'", "twice"]),
    "zip lies": (lying, ["SegmentationClass/two.png"]),
    "zip in zip": (archive({"inner.zip": b"PK"}), ["none of the formats"]),
    "zip of nothing": (archive({"x.txt": b""}), ["none of the formats"]),
    "no label map": (archive({MASK: b""}), ["labelmap.txt"]),
    "label map": (archive({"labelmap.txt": "sky", MASK: b""}), ["line 1 of labelmap.txt", "label:red,green,blue"]),
    "label map colour": (archive({"labelmap.txt": "sky:1,2,300::", MASK: b""}), ["line 1 of labelmap.txt", "0 to 255"]),
    "label map twice": (
        archive({"labelmap.txt": "sky:1,2,3::\ncar:1,2,3::", MASK: b""}),
        ["line 2", "'sky'"],
    ),
    "no PNG": (archive({"labelmap.txt": MAP, MASK: b"no"}), ["two.png", "PNG"]),
    "bomb": (archive({"labelmap.txt": MAP, MASK: bomb()}), ["two.png", "PNG"]),
    "zip bomb": (archive({"labelmap.txt": MAP, MASK: b"\0" * 50_000_000}), ["two.png", 50_000_000, 1_048_816]),
    "mask size": (
        archive({"labelmap.txt": MAP, MASK: png(np.zeros((9, 9, 3), np.uint8))}),
        ["two.png", "9 x 9", "8 x 6"],
    ),
    "colour": (archive({"labelmap.txt": MAP, MASK: png(np.full((6, 8, 3), 9, np.uint8))}), ["#090909", "labelmap.txt"]),
    "empty mask": (
        archive({"labelmap.txt": MAP, MASK: png(np.zeros((6, 8, 3), np.uint8))}),
        ["two.png", "--background"],
    ),
    "zip cut": (file("z.zip", b"PK\x03\x04" + b"\0" * 40), ["z.zip", "zip"]),
    "mask ids": (file("two.png", png(np.full((6, 8), 7, np.uint8))), ["label ids 7", "0 to 2"]),
    "mask mode": (file("two.png", png(np.zeros((6, 8, 3), np.uint8))), ["mode RGB"]),
    "mask deep": (file("two.png", png(np.zeros((6, 8), np.uint16))), ["mode I;16"]),
    "DOCTYPE": (file("c.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'), ["DOCTYPE"]),
    "other XML": (file("c.xml", "<html></html>"), ["c.xml", "CVAT"]),
    "video": (file("c.xml", '<annotations><track id="0"></track></annotations>'), ["c.xml", "video"]),
    "broken XML": (file("c.xml", "<annotations><image>"), ["c.xml", "XML"]),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_costs_a_sentence(al: Call, pixel_run: Path, here: Path, case: str) -> None:
    make, facts = MALFORMED[case]
    store(pixel_run).apply({"two.png": masks_of()[2]})
    before = content(pixel_run)
    path = make(here)
    answer = al("labels", "import", pixel_run, path)
    assert refused(answer, DatasetError, path.name, *facts)
    assert "Traceback" not in answer.err
    assert content(pixel_run) == before


BOX = 'left="0" top="0" width="8" height="6"'


@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        (f'<mask label="sky" rle="47" {BOX}/>', [47, 48]),
        (f'<mask label="sky" rle="-1, 49" {BOX}/>', ["`rle`", "'-1'"]),
        (f'<mask label="sky" rle="" {BOX}/>', ["`rle`", "''"]),
        (f'<mask label="sky" rle="{"9" * 5000}" {BOX}/>', ["`rle`", "0 to 48"]),
        ('<mask label="sky" rle="4" left="7" top="0" width="2" height="2"/>', ["`width`", "'2'"]),
        ('<mask label="sky" rle="4" left="0" top="-1" width="2" height="2"/>', ["`top`", "'-1'"]),
        ('<mask label="sky" rle="4"/>', ["`left`", "''"]),
        ('<polygon label="sky" points="0,0;1,1;nan,2"/>', ["coordinate", "nan"]),
        ('<polygon label="sky" points="0,0;1,1;x,2"/>', ["'x,2'", "`x,y`"]),
        ('<polygon label="sky"/>', ["''", "`x,y`"]),
        ('<polygon label="ski" points="0,0;4,0;4,4"/>', ["'ski'", "'sky'"]),
        ('<polygon label="sky" points="0,0;4,0;4,4" z_order="x"/>', ["`z_order`", "'x'"]),
        ('<box label="sky" xtl="0" ytl="0" xbr="4" ybr="4"/>', ["type box"]),
    ],
)
def test_a_malformed_shape_in_xml_costs_a_sentence(
    al: Call, pixel_run: Path, here: Path, shape: str, facts: list[object]
) -> None:
    before = content(pixel_run)
    answer = al("labels", "import", pixel_run, file("c.xml", XML_IMAGE.format(shape))(here))
    assert refused(answer, DatasetError, "c.xml", "'two.png'", *facts)
    assert content(pixel_run) == before
