"""Small files that would cost gigabytes or minutes: each ends with a sentence, in bounded memory and time."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import DatasetError
from al_lightning.labels.limits import Limits
from al_lightning.labels.project import Project, write_project
from tests.support.errors import lacking
from tests.support.label_exports import CLASSES, COLOURS, content, png, store, zipped
from tests.support.measured import measured


def packed(name: str, unit: bytes, count: int, method: int = zipfile.ZIP_DEFLATED) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "bomb.zip", "w", method, compresslevel=1) as archive:
            archive.writestr(name, unit * count)
        return folder / "bomb.zip"

    return make


def repeated(name: str, head: str, unit: str, tail: str, size: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(f"{head}{unit * (size // len(unit))}{tail}")
        return folder / name

    return make


def sparse(name: str, head: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with (folder / name).open("wb") as file:
            file.write(head)
            file.truncate(500 << 20)
        return folder / name

    return make


def understated(folder: Path) -> Path:
    """A member that says to be small, packed with a method that Python unpacks at once."""
    size, said = (struct.pack("<I", number << 20) for number in (100, 1))
    path = packed("annotations.json", b"\0", 100 << 20, zipfile.ZIP_BZIP2)(folder)
    path.write_bytes(path.read_bytes().replace(size, said))
    return path


def many(folder: Path) -> Path:
    """Each file is small enough; all together are not."""
    return zipped(folder / "bomb.zip", {f"{number}/x.json": b"[" + b" " * (1 << 20) + b"]" for number in range(20)})


FULL = 15 << 20  # as large as a file may be for three images of 8 x 6
BOMBS = {
    "zip, JSON": (packed("x.json", b"[],[", 125 << 20), [524_288_000, "16,9"]),
    "zip, XML": (packed("annotations.xml", b"<image/>", 4 << 20), [33_554_432, "16,9"]),
    "JSON": (sparse("x.json", b"["), ["bytes", "16,9"]),
    "XML": (sparse("x.xml", b"<annotations>"), ["bytes", "16,9"]),
    "lists": (repeated("x.json", "[", "[],", "0]", FULL), ["lists and objects", 1_049_152]),
    "numbers": (repeated("x.json", "[", "300,", "0]", FULL), ["none of the formats", "COCO"]),
    "as many objects": (repeated("x.json", "[", '{"a":1},', "0]", 8 << 20), ["none of the formats", "COCO"]),
    "elements": (
        repeated("x.xml", "<annotations>", "<image/>", "</annotations>", FULL), ["elements", 1_049_152]
    ),
    "attributes": (
        repeated("x.xml", "<annotations ", 'a="" ', "/>", 6 << 20), ["attributes", 1_049_152],
    ),
    "other encoding": (repeated("x.xml", "<?xml version='1.0' encoding='cp037'?>", " ", "<a/>", 1), ["'cp037'"]),
    "path": (
        repeated("x.json", '[{"data":{"image":"', "a/", '"},"annotations":[{"result":[]}]}]', FULL),
        ["none", "a/a/"],
    ),
}  # fmt: skip
MORE_BOMBS = {
    "as many elements": (
        repeated("x.xml", "<annotations>", "<image><polygon/></image>", "</annotations>", 10 << 20),
        [10_000],
    ),
    "zip, many": (many, ["bytes", "16,9"]),
    "zip, bzip2": (understated, ["annotations.json", "deflate"]),
    "zip, label map": (packed("labelmap.txt", b"0", 90 << 20), ["none of the formats"]),
    "table": (sparse("x.csv", b"image,class\n"), ["`image,class`", "masks"]),
    "objects": (repeated("x.json", "[", '{"a":1},', "0]", FULL), ["lists and objects", 1_049_152]),
    "texts": (repeated("x.json", "[", '"ab",', "0]", FULL), ["texts and keys", 1_049_152]),
    "a long result": (
        repeated("x.json", '[{"data":{},"annotations":[{"result":[', "1.5,", "0]}]}]", FULL), ["task 1", "`data`"]
    ),
    "as many lists": (repeated("x.json", "[", "[1.5],", "0]", 6 << 20), ["none of the formats", "COCO"]),
    "tasks": (repeated("x.json", "[", '{"data":0},', "0]", 10 << 20), [10_000]),
    "points": (
        repeated("x.xml", '<annotations><image name="two.png" width="8" height="6"><polygon label="car" points="',
                 ";", '"/></image></annotations>', FULL),
        [100_000, "polygon"],
    ),
    "run lengths": (
        repeated("x.xml", '<annotations><image name="two.png" width="8" height="6"><mask label="car" left="0" '
                 'top="0" width="8" height="6" rle="', "0,", '0"/></image></annotations>', FULL),
        ["run lengths", "8 x 6"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*BOMBS, *(pytest.param(case, marks=pytest.mark.slow) for case in MORE_BOMBS)])
def test_a_bomb_costs_a_sentence(pixel_run: Path, here: Path, case: str) -> None:
    make, facts = (BOMBS | MORE_BOMBS)[case]
    before = content(pixel_run)
    code, said = measured("import", pixel_run, make(here))
    assert code == DatasetError.exit_code
    assert not lacking(said, facts), said
    assert content(pixel_run) == before


CLASS_BOMBS = {
    "wrong lines": (b"x,y\n" * (1 << 20), [10_000]),
    "empty lines": (b"\n" * (3 << 20), [2_000_000]),
    "one line": (b"," * 9_000_000, ["`image,class`"]),
    "fields": (b"," * 11_000_000, [10_000_000]),
    "long names": (b"a/" * 60_000 + b"x.png,car\n", ["none", "a/a/"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CLASS_BOMBS)
def test_a_table_costs_no_more_than_its_lines(image_run: Path, here: Path, case: str) -> None:
    unit, facts = CLASS_BOMBS[case]
    head = b"" if case == "one line" else b"image,class\n"
    (here / "t.csv").write_bytes(head + unit * (100 if case == "long names" else 1))
    code, said = measured("import", image_run, here / "t.csv")
    assert (code, lacking(said, facts)) == (DatasetError.exit_code, []), said


@pytest.mark.slow
def test_a_thousand_classes_that_do_not_exist_are_not_all_compared(here: Path) -> None:
    sizes = {f"{number}.png": (8, 6) for number in range(9000)}
    names = tuple(f"a class of long name {number}" for number in range(1000))
    write_project(here / "run", Project("image", names, ((0, 0, 0),) * 1000, "d", "labels", sizes, None))
    rows = "".join(f"{name},a class of lng nam {number}\n" for number, name in enumerate(sizes))
    (here / "t.csv").write_text(f"image,class\n{rows}")
    code, said = measured("import", here / "run", here / "t.csv")
    assert (code, said.count("Did you mean")) == (DatasetError.exit_code, 20)


def coco_of(regions: int, polygons: int) -> bytes:
    draw = random.Random(0)
    annotations = []
    for number in range(regions):
        places = [(draw.randint(0, 195), draw.randint(0, 195)) for _ in range(polygons)]
        parts = [[x, y, x + 3, y + 1, x + 2, y + 4] for x, y in places]
        annotations.append({"id": number, "image_id": 1, "category_id": number % 3, "segmentation": parts})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    image = {"id": 1, "file_name": "x.png", "width": 200, "height": 200}
    return json.dumps({"images": [image], "categories": categories, "annotations": annotations}).encode()


@pytest.mark.slow
def test_three_hundred_thousand_polygons_on_a_small_image_are_imported(here: Path) -> None:
    run = here / "run"
    write_project(run, Project("pixel", CLASSES, COLOURS, "data", "labels", {"x.png": (200, 200)}, None))
    (here / "x.json").write_bytes(coco_of(100, 3000))
    code, said = measured("import", run, here / "x.json", megabytes=300, seconds=5)
    assert code == 0, said
    assert (np.asarray(store(run).mask("x.png")) != 255).mean() > 0.9


def test_many_annotators_of_large_images_take_what_their_file_tells(here: Path) -> None:
    """Forty masks of 16 megapixels, which are 640 MB, out of a few kilobytes."""
    side, run = 4000, here / "run"
    names = ["a.png", "b.png"]
    write_project(run, Project("pixel", CLASSES, COLOURS, "data", "labels", dict.fromkeys(names, (side, side)), None))
    tasks = []
    for name in names:
        points = [[1, 1], [3, 1], [3, 3]]
        value = {"points": points, "polygonlabels": ["car"]}
        result = {"type": "polygonlabels", "original_width": side, "original_height": side, "value": value}
        tasks.append({"data": {"image": name}, "annotations": [{"result": [result]}] * 20})
    (here / "x.json").write_text(json.dumps(tasks))
    code, said = measured("import", run, here / "x.json", "--dry-run", megabytes=300)
    assert code == 0, said


def test_a_mask_of_as_many_colours_as_pixels_is_a_sentence(here: Path) -> None:
    side, run = 2000, here / "run"
    write_project(run, Project("pixel", CLASSES, COLOURS, "data", "labels", {"x.png": (side, side)}, None))
    colours = np.arange(side * side, dtype="<u4").view(np.uint8).reshape(side, side, 4)[..., :3]
    files = {"labelmap.txt": "car:1,0,0::\n", "SegmentationClass/x.png": png(np.ascontiguousarray(colours))}
    code, said = measured("import", run, zipped(here / "x.zip", files), megabytes=400)
    assert (code, "has the colour #000000" in said) == (65, True), said


def test_limits_leave_room_for_what_tools_write() -> None:
    frames = Limits.of([(4000, 3000)])
    # A brush on 12 megapixels that follows every tenth pixel: a run of 27 bits, bytes of four characters each.
    assert frames.size > 1_200_000 * 27 / 8 * 4
    # Three thousand images with three hundred polygons of 20 points each, as COCO and as Label Studio write them.
    many = Limits.of([(1920, 1080)] * 3000)
    regions = 3000 * 300
    assert many.values > regions * 2 * 20 + 10 * regions
    assert many.texts > regions * 10
    assert many.parts > regions * 4
    thousand = Limits.of([(1920, 1080)] * 500)
    assert thousand.parts > 500 * 300 * (20 + 5)
    assert thousand.texts > 500 * 300 * 20
    # And no number of images makes a file larger than can be parsed.
    most = Limits.of([(1 << 16, 1 << 16)] * 10**5)
    assert (most.size, most.parts, most.texts, most.values) == (512 << 20, 8_000_000, 16_000_000, 64_000_000)
