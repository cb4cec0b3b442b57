"""`al-lightning labels`: every mistake in a file costs a sentence, and nothing is imported by half."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_lightning.labels.formats.coco import write_coco
from al_lightning.labels.project import Project, project_file, read_project, write_project
from tests.support.label_exports import (
    CLASSES,
    COLOURS,
    MAP,
    MASK,
    Call,
    as_items,
    content,
    masks_of,
    png,
    store,
    studio,
)
from tests.support.processes import environment


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


def file(name: str, text: bytes | str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

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
    "unknown image": (edited(lambda e: e[0]["data"].update(name="x.jpg", image="x.jpg")), "none of the images"),
    "ambiguous image": (edited(lambda e: e[0].update(data={"image": "one.jpg"})), "may be 'a/one.jpg'"),
    "size": (edited(lambda e: first(e).update(original_width=9)), "labelled at 9 x 6, its image is 8 x 6"),
    "no size": (edited(lambda e: first(e).pop("original_width")), "original_width is None, no number"),
    "rotation": (edited(lambda e: first(e).update(image_rotation=90)), "turn it back"),
    "class": (edited(lambda e: first(e)["value"].update(brushlabels=["cat"])), "'cat' is no class. Did you mean 'car'"),
    "no class": (edited(lambda e: first(e)["value"].update(brushlabels=[])), "0 classes; one was expected"),
    "box": (edited(lambda e: first(e).update(type="rectanglelabels")), "of type 'rectanglelabels'"),
    "type": (edited(lambda e: first(e).update(type=["brushlabels"])), "`type` is no text"),
    "format": (edited(lambda e: first(e)["value"].update(format="png")), "format 'png'"),
    "brush": (edited(lambda e: first(e)["value"].update(rle=[0] * 9)), "of 0 values; an image of 8 x 6 has 192"),
    "result": (edited(lambda e: e[0]["annotations"][0].update(result=None)), "`result` is no list"),
    "task": (edited(lambda e: e.append(7)), "a task is no object"),
    "not exported": (edited(lambda e: e[0].pop("annotations")), "export the project as JSON"),
    "no image": (edited(lambda e: e[0].update(data={})), "names no image"),
    "too many": (edited(lambda e: e[0].update(annotations=e[0]["annotations"] * 21)), "more than 20 annotations"),
    "JSON-MIN": (file("m.json", '[{"image": "two.png", "class": "car"}]'), "not JSON-MIN"),
    "other JSON": (file("m.json", '{"a": 1}'), "neither Label Studio's"),
    "nested": (file("m.json", "[" * 100_000), "nested too deeply"),
    "NaN": (file("m.json", '[{"data": NaN}]'), "holds NaN"),
    "huge number": (file("m.json", '[{"data": ' + "9" * 9_999 + "}]"), "out of all bounds"),
    "cut": (file("m.json", '[{"data": '), "is no JSON"),
    "binary": (file("m.bin", b"\x00\xff\xfe\x80" * 9), "not UTF-8"),
    "empty": (file("m.csv", ""), "of a table the first line is `image,class`"),
    "table": (file("m.csv", "image,class\ntwo.png,car\n"), "this run's labels are masks"),
    "COCO size": (coco_edited(lambda c: c["images"][0].update(width=9)), "labelled at 9 x 6"),
    "COCO class": (coco_edited(lambda c: c["categories"][0].update(name="x")), "'x' is no class"),
    "COCO category": (coco_edited(lambda c: c["annotations"][0].update(category_id=9)), "category 9 is not in"),
    "COCO twice": (coco_edited(lambda c: c["categories"].append(c["categories"][0])), "two categories have the id 1"),
    "COCO image": (coco_edited(lambda c: c["annotations"][0].update(image_id=9)), "not in `images`"),
    "COCO box": (coco_edited(lambda c: c["annotations"][0].update(segmentation=[])), "perhaps a box alone"),
    "COCO name": (coco_edited(lambda c: c["images"][0].update(file_name=5)), "`file_name` is no text"),
    "COCO path": (coco_edited(lambda c: c["images"][0].update(file_name="../../etc/passwd")), "none of the images"),
    "panoptic": (coco_edited(lambda c: c["annotations"][0].update(segments_info=[])), "panoptic"),
    "zip up": (archive({"../x": b""}), "leads out of it"),
    "zip root": (archive({"/x": b""}), "leads out of it"),
    "zip drive": (archive({"C:/x": b""}), "leads out of it"),
    "zip backslash": (archive({"a\\x": b""}), "leads out of it"),
    "zip link": (
        archive({"x": b"/etc/passwd"}, lambda i: setattr(i, "external_attr", (stat.S_IFLNK | 0o777) << 16)),
        "is a link",
    ),
    "zip twice": (twice, "twice"),
    "zip lies": (lying, "damaged|has not the size"),
    "zip in zip": (archive({"inner.zip": b"PK"}), "holds neither"),
    "zip of nothing": (archive({"x.txt": b""}), "holds neither"),
    "no label map": (archive({MASK: b""}), "has no labelmap.txt"),
    "label map": (archive({"labelmap.txt": "sky", MASK: b""}), "line 1 of labelmap.txt is not"),
    "label map colour": (archive({"labelmap.txt": "sky:1,2,300::", MASK: b""}), "out of 0 to 255"),
    "label map twice": (archive({"labelmap.txt": "sky:1,2,3::\ncar:1,2,3::", MASK: b""}), "a second label"),
    "no PNG": (archive({"labelmap.txt": MAP, MASK: b"no"}), "is no PNG that can be read"),
    "bomb": (archive({"labelmap.txt": MAP, MASK: bomb()}), "is no PNG that can be read"),
    "zip bomb": (archive({"labelmap.txt": MAP, MASK: b"\0" * 50_000_000}), "more than the 1,048,816 it can need"),
    "mask size": (
        archive({"labelmap.txt": MAP, MASK: png(np.zeros((9, 9, 3), np.uint8))}),
        "is 9 x 9, its image 8 x 6",
    ),
    "colour": (archive({"labelmap.txt": MAP, MASK: png(np.full((6, 8, 3), 9, np.uint8))}), "the colour #090909"),
    "empty mask": (
        archive({"labelmap.txt": MAP, MASK: png(np.zeros((6, 8, 3), np.uint8))}),
        "nothing in it is labelled",
    ),
    "zip cut": (file("z.zip", b"PK\x03\x04" + b"\0" * 40), "no zip file, or was cut"),
    "mask ids": (file("two.png", png(np.full((6, 8), 7, np.uint8))), "the label ids 7; there are 0 to 2"),
    "mask mode": (file("two.png", png(np.zeros((6, 8, 3), np.uint8))), "has mode RGB"),
    "mask deep": (file("two.png", png(np.zeros((6, 8), np.uint16))), "has mode I;16"),
    "DOCTYPE": (file("c.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'), "document type"),
    "other XML": (file("c.xml", "<html></html>"), "not CVAT's"),
    "video": (file("c.xml", '<annotations><track id="0"></track></annotations>'), "of a video"),
    "broken XML": (file("c.xml", "<annotations><image>"), "is no XML"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_costs_a_sentence(al: Call, pixel_run: Path, here: Path, case: str) -> None:
    make, message = MALFORMED[case]
    store(pixel_run).apply({"two.png": masks_of()[2]})
    before = content(pixel_run)
    answer = al("labels", "import", pixel_run, make(here))
    assert answer.code == 65, answer.out
    assert any(part in answer.err for part in message.split("|")), answer.err
    assert "Nothing was imported: " in answer.err
    assert "Traceback" not in answer.err
    assert content(pixel_run) == before


XML_IMAGE = '<annotations><image name="two.png" width="8" height="6">{}</image></annotations>'
BOX = 'left="0" top="0" width="8" height="6"'


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (f'<mask label="sky" rle="47" {BOX}/>', "sum to 47 pixels; its box has 48"),
        (f'<mask label="sky" rle="-1, 49" {BOX}/>', "`rle` is ' 49'|`rle` is '-1'"),
        (f'<mask label="sky" rle="" {BOX}/>', "`rle` is ''"),
        (f'<mask label="sky" rle="{"9" * 5000}" {BOX}/>', "no whole number"),
        ('<mask label="sky" rle="4" left="7" top="0" width="2" height="2"/>', "`width` is '2'"),
        ('<mask label="sky" rle="4" left="0" top="-1" width="2" height="2"/>', "`top` is '-1'"),
        ('<mask label="sky" rle="4"/>', "`left` is ''"),
        ('<polygon label="sky" points="0,0;1,1;nan,2"/>', "not between"),
        ('<polygon label="sky" points="0,0;1,1;x,2"/>', "not `x,y`"),
        ('<polygon label="sky"/>', "not `x,y`"),
        ('<polygon label="ski" points="0,0;4,0;4,4"/>', "'ski' is no class"),
        ('<polygon label="sky" points="0,0;4,0;4,4" z_order="x"/>', "`z_order` is 'x'"),
        ('<box label="sky" xtl="0" ytl="0" xbr="4" ybr="4"/>', "a shape of type box"),
    ],
)
def test_a_malformed_shape_in_xml_costs_a_sentence(
    al: Call, pixel_run: Path, here: Path, shape: str, message: str
) -> None:
    before = content(pixel_run)
    answer = al("labels", "import", pixel_run, file("c.xml", XML_IMAGE.format(shape))(here))
    assert (answer.code, content(pixel_run)) == (65, before)
    assert any(part in answer.err for part in message.split("|")), answer.err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "image,class\nthree.png,car\n", "line 2: 'three.png' is none of the images"),
        ("t.csv", "image,class\none.jpg,car\n", "line 2: 'one.jpg' may be"),
        ("t.csv", "image,class\ntwo.png,cat\n", "'cat' is no class. Did you mean 'car'"),
        ("t.csv", "image,class\ntwo.png,car,x\n", "3 fields, its head 2"),
        ("t.csv", "image;class\ntwo.png;car\n", "the first line is `image,class`"),
        ("t.csv", "image,class\ntwo.png,car\ntwo.png,sky\n", "2 annotations of it differ"),
        ("t.csv", "image,class\ntwo.png," + "x" * 200_000, "field larger than"),
        ("s/cat/0001_two.png", "", "'cat' is no class"),
        ("s/two.png", "", "it is in no class's folder"),
        ("s/car/three.png", "", "none of the images"),
        ("s/car/notes.txt", "", "no images in folders of classes"),
        ("c.xml", XML_IMAGE.format('<tag label="car"/><tag label="sky"/>'), "2 tags"),
        ("c.json", '{"images": [], "annotations": []}', "this run's labels are a class per image"),
        ("two.png", "\x89PNG", "of the formats that are read|not UTF-8"),
        ("e.json", '[{"data": {"image": "two.png"}, "annotations": [{"result": []}]}]', "it has 0 answers"),
        ("e.json", '[{"data": {"image": "two.png"}, "annotations": [{"result": [{"type": "choices", "value": '
         '{"choices": ["car", "sky"]}}]}]}]', "it has 2 choices"),
    ],
)  # fmt: skip
def test_a_malformed_class_costs_a_sentence(
    al: Call, image_run: Path, here: Path, name: str, text: str, message: str
) -> None:
    path = file(name, text)(here)
    before = content(image_run)
    answer = al("labels", "import", image_run, here / "s" if name.startswith("s/") else path)
    assert (answer.code, content(image_run)) == (65, before), answer.out
    assert any(part in answer.err for part in message.split("|")), answer.err


def test_a_mask_behind_a_link_out_of_its_folder_is_refused(al: Call, pixel_run: Path, here: Path) -> None:
    file("secret.png", png(masks_of()[0]))(here)
    (here / "masks").mkdir()
    (here / "masks/two.png").symlink_to(here / "secret.png")
    answer = al("labels", "import", pixel_run, here / "masks")
    assert answer.code == 65
    assert "it is a link out of its folder" in answer.err


def test_many_problems_are_cut_to_twenty_lines(al: Call, image_run: Path, here: Path) -> None:
    (here / "t.csv").write_text("image,class\n" + "".join(f"{number}.png,car\n" for number in range(1234)))
    answer = al("labels", "import", image_run, "t.csv")
    assert answer.code == 65
    lines = answer.err.splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ["... and 1,214 more.", "al-lightning: Nothing was imported: 1,234 problems."]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["labels"], 2, ""),
        (["labels", "imprt", "x"], 2, "Did you mean 'import'"),
        (["labels", "import", "nowhere", "x"], 2, "There is no run directory nowhere"),
        (["labels", "import", ".", "x"], 2, "asks for no labels"),
        (["labels", "status", "."], 2, "asks for no labels"),
        (["labels", "import", "run_image"], 2, "FILE"),
        (["labels", "import", "run_image", "nowhere.json"], 65, "nowhere.json: it does not exist"),
        (["labels", "import", "run_image", "/dev/zero"], 65, "/dev/zero: it is no file"),
        (["labels", "import", "run_image", "x", "--on-disagreement", "majority"], 2, "invalid choice"),
        (["labels", "import", "run_image", "x", "--background", "sky"], 2, "are for masks"),
    ],
)
def test_wrong_arguments(al: Call, image_run: Path, arguments: list[str], code: int, message: str) -> None:
    answer = al(*arguments)
    assert answer.code == code
    assert message in answer.err


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(kind="x"),
        lambda v: v.update(classes=["a", "a"]),
        lambda v: v.update(colours=[[1, 2, 300]] * 3),
        lambda v: v.update(images={"../x": [1, 1]}),
        lambda v: v.update(images={"x": [0, 1]}),
        lambda v: v.update(labels=5),
        lambda v: v.clear(),
    ],
)
def test_a_damaged_project_is_a_sentence(al: Call, image_run: Path, change: Callable[[dict], object]) -> None:
    values = json.loads(project_file(image_run).read_text())
    change(values)
    project_file(image_run).write_text(json.dumps(values))
    answer = al("labels", "status", image_run)
    assert answer.code == 2
    assert "project.json is damaged" in answer.err


def test_a_project_comes_back(here: Path) -> None:
    project = Project("pixel", CLASSES, COLOURS, "/data", "labels", {"é/ü.png": (3, 4)}, None)
    write_project(here, project)
    assert read_project(here) == project


def test_the_command_imports_no_torch(image_run: Path, here: Path) -> None:
    (here / "t.csv").write_text("image,class\ntwo.png,car\n")
    script = "import sys; from al_lightning.cli.labels import labels\n"
    script += "code = labels(['import', 'run_image', 't.csv'], False)\n"
    script += "sys.exit(code or 9 * ('torch' in sys.modules or 'lightning' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=here, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
