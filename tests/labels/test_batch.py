"""The batch that people get: a table, a page, and a folder for each tool."""

import base64
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import ALError, DatasetError
from al_lightning.labels import batch as batch_module
from al_lightning.labels.batch import read_table, write_batch
from al_lightning.labels.item import Item
from al_lightning.labels.shapes.brush import decode_brush
from tests.support.errors import raises
from tests.support.odd_images import photograph

CLASSES = ("background", 'c<a>"r', "tree & bush")
COLOURS = ((0, 0, 0), (200, 10, 10), (10, 200, 10))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for name in ("a/one.jpg", "b/one.jpg", "<b>&two.png"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "data"


def items(root: Path, kind: str) -> list[Item]:
    mask = np.array([[0] * 8] * 2 + [[1] * 8] * 2 + [[255] * 4 + [2] * 4] * 2, np.uint8)
    return [
        Item("a/one.jpg", root / "a/one.jpg", 2, 0.25, "drive <1>", 7, 8, 6, 1 if kind == "image" else mask, 0.5),
        Item("b/one.jpg", root / "b/one.jpg", 1, 0.75, None, None, 8, 6, 2 if kind == "image" else mask.copy(), None),
        Item("<b>&two.png", root / "<b>&two.png", 3, None, None, None, 8, 6, None, None),
    ]


@pytest.mark.parametrize("kind", ["image", "pixel"])
def test_a_batch_has_what_people_and_tools_need(images: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "run/batches/cycle_00"
    write_batch(folder, items(images, kind), CLASSES, kind, COLOURS)
    assert [path.name for path in folder.parent.iterdir()] == ["cycle_00"]
    rows = list(csv.DictReader((folder / "to_label.csv").open()))
    assert [row["path"] for row in rows] == ["b/one.jpg", "a/one.jpg", "<b>&two.png"] == read_table(folder)
    assert rows[1] == {"path": "a/one.jpg", "rank": "2", "score": "0.25", "sequence": "drive <1>", "frame": "7"}
    links = folder / "images"
    assert sorted(path.name for path in links.iterdir()) == ["0001_b__one.jpg", "0002_a__one.jpg", "0003_<b>&two.png"]
    assert (links / "0002_a__one.jpg").samefile(images / "a/one.jpg")
    assert not (links / "0002_a__one.jpg").is_symlink()

    page = (folder / "index.html").read_text()
    assert page.count("<img") == (3 if kind == "image" else 5)  # an image, and what is predicted for it
    assert "&lt;b&gt;&amp;two.png" in page
    assert "<b>&two" not in page
    assert "drive &lt;1&gt;, frame 7" in page
    assert page.index("b/one.jpg") < page.index("a/one.jpg")
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    for source in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page):
        assert Image.open(io.BytesIO(base64.b64decode(source))).size == (8, 6)

    config = ElementTree.fromstring((folder / "label_studio/config.xml").read_text())
    values = [element.get("value") for element in config.iter() if element.tag in ("Choice", "Label")]
    assert values == (list(CLASSES) if kind == "image" else [*CLASSES, "ignore"] * 2)
    tasks = json.loads((folder / "label_studio/tasks.json").read_text())
    assert [task["data"]["rank"] for task in tasks] == [1, 2, 3]
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=batches/cycle_00/images/0001_b__one.jpg"
    assert tasks[1]["data"] | {"image": 0} == {
        "image": 0, "name": "a/one.jpg", "rank": 2, "score": 0.25, "sequence": "drive <1>"
    }  # fmt: skip
    assert "predictions" not in tasks[2]
    prediction = tasks[1]["predictions"][0]
    assert (prediction["score"], prediction["model_version"]) == (0.5, "cycle_00")
    assert "score" not in tasks[0]["predictions"][0]
    readme = (folder / "label_studio/README.txt").read_text()
    assert f"LOCAL_FILES_DOCUMENT_ROOT={tmp_path / 'run'}" in readme
    for path in ("label_studio/README.txt", "cvat/README.txt"):
        assert "al-lightning labels import" in (folder / path).read_text()

    labels = json.loads((folder / "cvat/labels.json").read_text())
    assert [label["name"] for label in labels] == [*CLASSES, *([] if kind == "image" else ["ignore"])]
    assert len({label["color"] for label in labels}) == len(labels)
    if kind == "image":
        assert prediction["result"][0]["value"] == {"choices": [CLASSES[1]]}
        root = ElementTree.parse(folder / "cvat/annotations.xml").getroot()
        assert [image.get("name") for image in root.iter("image")] == sorted(path.name for path in links.iterdir())
        assert [tag.get("label") for tag in root.iter("tag")] == [CLASSES[2], CLASSES[1]]
        return
    regions = {one["value"]["brushlabels"][0]: one for one in prediction["result"]}
    assert list(regions) == list(CLASSES)
    tree = decode_brush(regions["tree & bush"]["value"]["rle"], 8, 6)
    assert np.argwhere(tree).tolist() == [[y, x] for y in (4, 5) for x in (4, 5, 6, 7)]
    coco = json.loads((folder / "cvat/annotations.json").read_text())
    third = next(one for one in coco["annotations"] if one["category_id"] == 3)
    assert (third["bbox"], third["area"]) == ([4, 4, 4, 2], 8)
    with zipfile.ZipFile(folder / "cvat/masks.zip") as archive:
        assert archive.read("ImageSets/Segmentation/default.txt") == b"0001_b__one\n0002_a__one\n"
        lines = archive.read("labelmap.txt").decode().splitlines()
        assert lines[1:] == ["background:0,0,0::", 'c<a>"r:200,10,10::', "tree & bush:10,200,10::"]
        mask = Image.open(io.BytesIO(archive.read("SegmentationClass/0002_a__one.png")))
        assert [mask.getpixel(place) for place in ((0, 0), (0, 2), (4, 4), (0, 4))] == [*COLOURS, (0, 0, 0)]
        things = Image.open(io.BytesIO(archive.read("SegmentationObject/0002_a__one.png")))
        assert [things.getpixel(place) for place in ((0, 0), (0, 2), (4, 4))] == [(0, 0, 0), (0, 128, 0), (128, 128, 0)]


def test_a_batch_without_a_network_has_no_predictions(images: Path, tmp_path: Path) -> None:
    folder = tmp_path / "batches/initial"
    write_batch(folder, items(images, "pixel")[2:], CLASSES, "pixel", COLOURS)
    assert sorted(path.name for path in (folder / "cvat").iterdir()) == ["README.txt", "labels.json"]
    assert (folder / "to_label.csv").read_text() == "path,rank,score,sequence\n<b>&two.png,3,,\n"


def test_a_batch_is_whole_or_absent_and_replaced(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "batches/cycle_00"
    broken = tmp_path / "data/b/one.jpg"
    content = broken.read_bytes()
    broken.write_bytes(b"no image")
    with raises(DatasetError, broken):
        write_batch(folder, items(images, "image"), CLASSES, "image", COLOURS)
    assert list(folder.parent.iterdir()) == []
    broken.write_bytes(content)
    write_batch(folder, items(images, "image"), CLASSES, "image", COLOURS)
    (folder.parent / ".cycle_00.1.tmp").mkdir()  # what a killed process left
    write_batch(folder, items(images, "image")[:1], CLASSES, "image", COLOURS)
    assert [path.name for path in folder.parent.iterdir()] == ["cycle_00"]
    assert read_table(folder) == ["a/one.jpg"]

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(batch_module, "render", full)
    with raises(ALError, folder, "No space left on device"):
        write_batch(folder, items(images, "image"), CLASSES, "image", COLOURS)
    assert read_table(folder) == ["a/one.jpg"]


def test_where_links_fail_images_are_copied(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_disk(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", other_disk)
    write_batch(tmp_path / "batches/x", items(images, "image"), CLASSES, "image", COLOURS)
    copied = tmp_path / "batches/x/images/0002_a__one.jpg"
    assert copied.read_bytes() == (images / "a/one.jpg").read_bytes()
    assert not copied.samefile(images / "a/one.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpg", "png", "tif"])
def test_a_turned_photograph_is_shown_as_the_training_sees_it(tmp_path: Path, orientation: int, form: str) -> None:
    upright = np.zeros((6 * 8, 8 * 8, 3), np.uint8)
    upright[:24, :16] = 250
    path = photograph(tmp_path / f"turned.{form}", upright, orientation)
    item = Item(path.name, path, 1, None, None, None, 64, 48, None, None)
    write_batch(tmp_path / "batches/x", [item], CLASSES, "image", COLOURS)
    with Image.open(tmp_path / f"batches/x/images/0001_turned.{form}") as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.asarray(image.convert("RGB")) > 128, upright > 128)
    page = (tmp_path / "batches/x/index.html").read_text()
    shown = Image.open(io.BytesIO(base64.b64decode(re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)[0])))
    assert np.array_equal(np.asarray(shown.convert("L"))[4:-4:8, 4:-4:8] > 128, upright[4:-4:8, 4:-4:8, 0] > 128)
