"""Formats of labels: run lengths and polygons worked out by hand, names, and the batch that people get."""

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
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from al_lightning.errors import ALError, DatasetError
from al_lightning.labels import batch as batch_module
from al_lightning.labels.batch import read_table, write_batch
from al_lightning.labels.filenames import Names, link_name
from al_lightning.labels.import_result import agreement
from al_lightning.labels.item import Item
from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.shapes.brush import decode_brush, encode_brush
from al_lightning.labels.shapes.coco_rle import decode_counts, decode_rle, encode_counts, unpack_counts
from al_lightning.labels.shapes.label_map import mask_colours
from al_lightning.labels.untrusted import Malformed, real, shown, whole
from tests.support.errors import raises
from tests.support.label_exports import pack_counts

CLASSES = ("background", 'c<a>"r', "tree & bush")
COLOURS = ((0, 0, 0), (200, 10, 10), (10, 200, 10))
bits = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def test_a_brush_worked_out_by_hand() -> None:
    # Two pixels, the first painted: 8 values of 8 bits; sizes 3, 4, 8, 16; four times 255, four times 0.
    #   00000000 00000000 00000000 00001000  00111  0010 0011 0111 1111  1 00 011 11111111  1 00 011 00000000
    packed = [0, 0, 0, 8, 0b00111001, 0b00011011, 0b11111100, 0b01111111, 0b11110001, 0b10000000, 0]
    mask = np.array([[True, False]])
    assert encode_brush(mask) == packed
    assert (decode_brush(packed, 2, 1) == mask).all()


def test_a_brush_of_single_values_as_a_browser_writes_it() -> None:
    # Two pixels, red, green, blue and alpha: the first is transparent, whatever its colour; a run of eight values.
    values = (7, 0, 9, 0, 0, 0, 0, 130)
    text = f"{8:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + f"0{0:02b}{7:03b}"
    text += "".join(f"{value:08b}" for value in values)
    text += "0" * (-len(text) % 8)
    packed = [int(text[place : place + 8], 2) for place in range(0, len(text), 8)]
    assert decode_brush(packed, 2, 1).tolist() == [[False, True]]


@given(bits)
def test_a_brush_comes_back(mask: np.ndarray) -> None:
    packed = encode_brush(mask)
    assert all(0 <= value <= 255 for value in packed)
    assert (decode_brush(packed, mask.shape[1], mask.shape[0]) == mask).all()


def test_a_long_run_is_split() -> None:
    mask = np.zeros((300, 400), bool)  # 480,000 values, seven runs of at most 65,536 and what is left
    mask[-1, -1] = True
    assert (decode_brush(encode_brush(mask), 400, 300) == mask).all()


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda rle: rle[:8], ["run lengths end"]),
        (lambda rle: rle[:2], ["run lengths end"]),
        (lambda rle: [0, 0, 0, 4, *rle[4:]], [4, "2 x 1", 8]),
        (lambda rle: [127, 255, 255, 255, *rle[4:]], [2**31 - 1]),
        (lambda rle: [*rle[:4], 0b01111001, *rle[5:]], ["16 bits", 8]),
        (lambda rle: [*rle[:6], 0b11111110, 0b11111111, 0b11111111, 255, 255], ["beyond the image"]),
        (lambda rle: rle * 50, ["2 x 1"]),
        (lambda rle: [*rle[:-1], 256], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], -1], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], True], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], "0"], ["`rle`", "0 to 255"]),
        (lambda rle: "0,0,0,8", ["`rle`", "list"]),
        (lambda rle: None, ["`rle`", "list"]),
    ],
)
def test_a_broken_brush_is_said(change, facts: list[object]) -> None:
    with raises(Malformed, *facts):
        decode_brush(change(encode_brush(np.array([[True, False]]))), 2, 1)


def test_coco_run_lengths_worked_out_by_hand() -> None:
    mask = np.array([[0, 1, 1], [0, 0, 1]], bool)  # down the columns: 0 0, 1 0, 1 1
    assert encode_counts(mask) == [2, 1, 1, 2]
    assert encode_counts(~mask) == [0, 2, 1, 1, 2]
    assert pack_counts([2, 1, 1, 2]) == "2111"  # the last is the second and one more
    # 100 = 3 * 32 + 4: "T" is 4 + more, then 3. 16 needs a second character, for its highest bit is the sign.
    assert pack_counts([100, 16, 0, 15]) == "T3`00O"  # 15 - 16 = -1, which is "O"
    assert unpack_counts("T3`00O", 1000) == [100, 16, 0, 15]
    assert (decode_rle({"size": [2, 3], "counts": "2111"}, 3, 2) == mask).all()
    assert (decode_rle({"size": [2, 3], "counts": [2, 1, 1, 2]}, 3, 2) == mask).all()


@given(bits)
def test_coco_run_lengths_come_back(mask: np.ndarray) -> None:
    height, width = mask.shape
    counts = encode_counts(mask)
    assert unpack_counts(pack_counts(counts), mask.size) == counts
    assert (decode_counts(counts, width, height) == mask).all()


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        ({"size": [3, 2], "counts": [6]}, ["[3, 2]", "[2, 3]"]),
        ({"size": [3, 2] * 500, "counts": [6]}, ["[3, 2, 3, 2, 3, 2, 3, 2, ...]", "[2, 3]"]),
        ({"size": ["x" * 90] * 8, "counts": [6]}, [8, "[2, 3]"]),
        ({"size": [2, 3], "counts": [0] * 99}, ["more run lengths"]),
        ({"size": [2, 3], "counts": "0" * 999}, ["more run lengths"]),
        ({"size": [2, 3], "counts": [True] * 6}, ["run length", "True"]),
        ({"size": [2, 3], "counts": [5.0, None]}, ["run length", "None"]),
        ({"size": [2, 3], "counts": [5]}, [5, "3 x 2", 6]),
        ({"size": [2, 3], "counts": [6, 10**30]}, ["run length", "0 to 6"]),
        ({"size": [2, 3], "counts": [7, -1]}, ["run length", "7", "0 to 6"]),
        ({"size": [2, 3], "counts": ["6"]}, ["run length", "'6'"]),
        ({"size": [2, 3], "counts": [6.5]}, ["run length", "6.5"]),
        ({"size": [2, 3], "counts": [float("inf")]}, ["run length", "inf"]),
        ({"size": [2, 3], "counts": "O"}, ["beyond the image"]),
        ({"size": [2, 3], "counts": "T" * 12}, ["'T'"]),
        ({"size": [2, 3], "counts": "T"}, ["run lengths end"]),
        ({"size": [2, 3], "counts": "é"}, ["'é'"]),
        ({"size": [2, 3], "counts": None}, ["`counts`", "list"]),
        ([2, 3], ["`segmentation`", "object"]),
    ],
)
def test_broken_coco_run_lengths_are_said(value: object, facts: list[object]) -> None:
    with raises(Malformed, *facts):
        decode_rle(value, 3, 2)


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("a/one.jpg", "a/one.jpg"),
        ("b/one.jpg", "b/one.jpg"),
        ("data/a/one.jpg", "a/one.jpg"),
        ("C:\\data\\a\\one.jpg", "a/one.jpg"),
        ("two.png", "deep/er/two.png"),
        ("er/two.png", "deep/er/two.png"),
        ("0007_a__one.jpg", "a/one.jpg"),
        ("images/0007_a__one.jpg", "a/one.jpg"),
        ("/data/local-files/?d=batches/cycle_00/images/0007_b__one.jpg", "b/one.jpg"),
        ("/data/upload/3/1a2b3c4d-0007_b__one.jpg", "b/one.jpg"),
        ("/data/upload/3/1a2b3c4d-two.png", "deep/er/two.png"),
        ("https://host/x/deep/er/two.png?token=1", "deep/er/two.png"),
        ("s3://bucket/a%2Fone.jpg", "a/one.jpg"),
    ],
)
def test_what_tools_call_an_image(reference: str, image: str) -> None:
    assert Names(["a/one.jpg", "b/one.jpg", "deep/er/two.png"]).find(reference) == image


@pytest.mark.parametrize(
    ("reference", "facts"),
    [
        ("one.jpg", ["'a/one.jpg'", "'b/one.jpg'"]),
        ("c/two.png", ["none"]),  # another folder's file of the same name
        ("three.png", ["none"]),
        ("", ["none"]),
        ("/", ["none"]),
        ("http://[", ["none"]),
        ("../../a/two.png", ["none"]),
    ],
)
def test_nothing_is_guessed(reference: str, facts: list[object]) -> None:
    with raises(Malformed, repr(reference), *facts):
        Names(["a/one.jpg", "b/one.jpg", "deep/er/two.png"]).find(reference)


def test_a_name_that_is_also_a_batch_name_is_ambiguous_unless_it_is_ours() -> None:
    names = Names(["0001_x.png", "x.png"])
    with raises(Malformed, "'0001_x.png'", "'x.png'"):
        names.find("0001_x.png")
    assert names.find("0001_x.png", ours=True) == "0001_x.png"


def test_masks_are_found_with_the_ending_added_or_in_place() -> None:
    names = Names(["a/one.jpg", "b/one.jpg", "two.jpg", "two.png"])
    assert names.find_mask("a/one.png") == names.find_mask("a/one.jpg.png") == "a/one.jpg"
    assert names.find_mask("0003_b__one.png") == "b/one.jpg"
    assert names.find_mask("two.jpg.png") == "two.jpg"
    for reference in ("one.png", "two.png"):
        with raises(Malformed, repr(reference), "use the images' whole paths"):
            names.find_mask(reference)


def test_a_very_long_path_has_a_name_in_the_batch_and_is_found_again() -> None:
    long = "/".join(["folder" * 5] * 12) + "/one.jpg"
    assert len(link_name(long, 12).encode()) < 256
    assert Names([long]).find(f"images/{link_name(long, 12)}") == long


def test_agreement_worked_out_by_hand() -> None:
    assert agreement([1]) == agreement([1, 1]) == 1
    assert agreement([1, 2]) == 0
    assert agreement([1, 1, 2]) == pytest.approx(1 / 3)  # of three pairs one agrees
    one, other = np.array([[0, 1, 255, 255]], np.uint8), np.array([[0, 2, 1, 255]], np.uint8)
    assert agreement([one, other]) == pytest.approx(1 / 3)  # the last pixel is nobody's


def test_hostile_json_is_a_sentence() -> None:
    for text in (b"[" * 200_000, b"[NaN]", b"[" + b"9" * 10_000 + b"]", b"{", b"\xff\xfe", b"[-Infinity]"):
        with pytest.raises(Malformed):
            parse_json(text, Limits.of([]))
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == shown([1, {}]) == "a list"
    assert shown([3, "x\x1b", None]) == r"[3, 'x\x1b', None]"
    assert (shown([]), shown({"a": 1})) == ("[]", "an object")
    assert shown(list(range(10**6))) == "[0, 1, 2, 3, 4, 5, 6, 7, ...]"
    assert shown("a\x1b[31mb" + "c" * 500).startswith(r"'a\x1b[31mb")
    assert len(shown("c" * 500)) < 110
    for bad in (True, "1", None, 1.5, float("nan"), 1e300, -1):
        with pytest.raises(Malformed):
            whole(bad, "it", 0, 10)
    for bad in (True, "1", None, float("inf"), 10**400):
        with pytest.raises(Malformed):
            real(bad, "it", 0, 10)


def test_colours_of_masks_are_apart() -> None:
    found = mask_colours(
        ["background", "a", "b", "c"], np.array([[9, 9, 9], [0, 0, 0], [5, 5, 5], [5, 5, 5]], np.uint8)
    )
    assert found == [(0, 0, 0), (128, 0, 0), (5, 5, 5), (0, 128, 0)]
    many = mask_colours([str(number) for number in range(255)], np.zeros((255, 3), np.uint8))
    assert len(set(many)) == 255


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
    assert page.count("<img") == 3
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

    monkeypatch.setattr(batch_module, "sheet_page", full)
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


def test_a_turned_photograph_is_shown_as_the_training_sees_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.new("RGB", (8, 6), (90, 10, 10)).save(tmp_path / "turned.jpg", exif=exif)
    item = Item("turned.jpg", tmp_path / "turned.jpg", 1, None, None, None, 8, 6, None, None)
    write_batch(tmp_path / "batches/x", [item], CLASSES, "image", COLOURS)
    with Image.open(tmp_path / "batches/x/images/0001_turned.jpg") as image:
        assert (image.size, image.getexif().get(0x0112)) == ((8, 6), None)
