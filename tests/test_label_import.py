"""`al-lightning labels`, as typed: every format comes back, every mistake costs a sentence, and nothing by half."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Answer
from drivers import environment
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from al_lightning import cli
from al_lightning.labels.batch import write_batch
from al_lightning.labels.brush import encode_brush
from al_lightning.labels.coco import write_coco
from al_lightning.labels.coco_rle import encode_counts, pack_counts
from al_lightning.labels.cvat_write import mask_colours, tags_xml, write_masks_zip
from al_lightning.labels.item import Item
from al_lightning.labels.label_studio_write import tasks
from al_lightning.labels.project import Project, project_file, read_project, write_project
from al_lightning.labels.read import read_labels
from al_lightning.labels.store import LabelStore

Call = Callable[..., Answer]
CLASSES = ("sky", "car", "tree & bush")
COLOURS = ((0, 0, 0), (200, 10, 10), (10, 200, 10))
NAMES = ("a/one.jpg", "b/one.jpg", "two.png")
WIDTH, HEIGHT = 8, 6
IN_BATCH = [f"{rank:04d}_{name.replace('/', '__')}" for rank, name in enumerate(NAMES, start=1)]


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


@pytest.fixture
def image_run(here: Path) -> Path:
    return make_run(here, "image")


@pytest.fixture
def pixel_run(here: Path) -> Path:
    return make_run(here, "pixel")


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


def test_every_format_of_masks_comes_back(al: Call, pixel_run: Path, here: Path) -> None:
    labels = masks_of()
    first = True
    for path in pixel_files(here, labels):
        answer = al("labels", "import", pixel_run, path)
        assert answer.code == 0, (path, answer.err)
        kind = "3 added, 0 changed, 0 unchanged" if first else "0 added, 0 changed, 3 unchanged"
        assert f"3 images labelled: {kind}." in answer.out, path
        first = False
        for name, label in zip(NAMES, labels, strict=True):
            assert (store(pixel_run).mask(name) == label).all(), path
    total = np.stack(labels)
    for number, name in enumerate(CLASSES):
        assert f"{name:<11}  {100 * (total == number).sum() / (total != 255).sum():5.2f} %" in answer.out
    assert f"{100 * (total == 255).mean():.2f} % of all pixels are not labelled" in answer.out


def test_every_format_of_classes_comes_back(al: Call, image_run: Path, here: Path) -> None:
    labels = [2, 0, 2]
    for path in image_files(here, labels):
        shutil.rmtree(image_run / "labels" / "labels.csv", ignore_errors=True)
        (image_run / "labels" / "labels.csv").unlink(missing_ok=True)
        answer = al("labels", "import", image_run, path)
        assert answer.code == 0, (path, answer.err)
        assert "3 images labelled: 3 added, 0 changed, 0 unchanged." in answer.out, path
        assert [store(image_run).image_class(name) for name in NAMES] == labels, path
        for name, count in zip(CLASSES, (1, 0, 2), strict=True):
            assert f"{name:<11}  {count}" in answer.out


def test_a_written_batch_can_be_given_back_as_it_is(al: Call, pixel_run: Path, here: Path) -> None:
    for name in NAMES:
        (here / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(here / "data" / name)
    masks = masks_of(3)
    items = [Item(**{**item.__dict__, "path": here / "data" / item.name}) for item in as_items(masks)]
    batch = here / "run/batches/cycle_00"
    write_batch(batch, items, CLASSES, "pixel", COLOURS)
    for path in (batch / "cvat/annotations.json", batch / "cvat/masks.zip"):
        assert al("labels", "import", pixel_run, path).code == 0
        assert (store(pixel_run).mask(NAMES[0]) == masks[0]).all()


small = arrays(np.uint8, (HEIGHT, WIDTH), elements=st.sampled_from([0, 1, 2, 255]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(small, min_size=3, max_size=3))
def test_any_masks_come_back_from_every_format(al: Call, labels: list[np.ndarray]) -> None:
    for label in labels:
        label[0, 0] = 1  # at least a pixel
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), "pixel")
        for path in pixel_files(Path(folder), labels):
            shutil.rmtree(run / "labels/masks", ignore_errors=True)
            assert al("labels", "import", run, path).code == 0
            assert all((store(run).mask(name) == label).all() for name, label in zip(NAMES, labels, strict=True))


def test_what_changes_is_told_and_a_dry_run_changes_nothing(al: Call, image_run: Path, here: Path) -> None:
    table = here / "table.csv"
    table.write_text("image,class\na/one.jpg,car\ntwo.png,\n")
    before = content(image_run)
    dry = al("labels", "import", image_run, table, "--dry-run")
    assert (dry.code, content(image_run)) == (0, before)
    assert "1 images labelled: 1 added, 0 changed, 0 unchanged. Nothing was written." in dry.out
    assert "table.csv: 1 images have no class yet." in dry.err
    done = al("labels", "import", image_run, table)
    assert "cycle_00  1 of 2 labelled, 1 missing" in done.out
    assert "initial   0 of 1 labelled, 1 missing" in done.out
    assert done.out.index("initial ") < done.out.index("cycle_00")
    assert "Once these are labelled: al-lightning fit --config x" in done.out
    table.write_text("path,class,rank\na/one.jpg,sky,1\nb/one.jpg,sky,2\ntwo.png,sky,1\n")
    dry = al("labels", "import", image_run, table, "--dry-run")
    done = al("labels", "import", image_run, table)
    for answer in (dry, done):
        assert "3 images labelled: 2 added, 1 changed, 0 unchanged." in answer.out
    status = al("labels", "status", image_run)
    assert status.out.splitlines() == [
        "initial   1 of 1 labelled", "cycle_00  2 of 2 labelled", "To go on: al-lightning fit --config x"
    ]  # fmt: skip


def test_several_files_are_one_import(al: Call, image_run: Path, here: Path) -> None:
    (here / "1.csv").write_text("image,class\na/one.jpg,car\n")
    (here / "2.csv").write_text("image,class\nb/one.jpg,plane\n")
    before = content(image_run)
    assert al("labels", "import", image_run, "1.csv", "2.csv").code == 1
    assert content(image_run) == before
    (here / "2.csv").write_text("\ufeffimage,class\r\nb/one.jpg,tree & bush\r\n")
    assert al("labels", "import", image_run, "1.csv", "2.csv").code == 0
    assert store(image_run).names() == set(NAMES[:2])


def test_what_has_a_problem_holds_no_labels(here: Path) -> None:
    (here / "t.csv").write_text("image,class\ntwo.png,car\nb/one.jpg,plane\n")
    found = read_labels([here / "t.csv"], dict.fromkeys(NAMES, (WIDTH, HEIGHT)), CLASSES, "image")
    assert (found.labels, len(found.problems)) == ({}, 1)


def test_annotators_who_differ_in_a_class(al: Call, image_run: Path, here: Path) -> None:
    export = studio([1, 1, 1])
    other = json.loads(json.dumps(export[0]["annotations"][0]))
    export[0]["annotations"].append(other)  # the same answer: no disagreement
    (here / "e.json").write_text(json.dumps(export))
    assert al("labels", "import", image_run, "e.json", "--dry-run").code == 0
    other["result"][0]["value"]["choices"] = ["sky"]
    (here / "e.json").write_text(json.dumps(export))
    before = content(image_run)
    stopped = al("labels", "import", image_run, "e.json")
    assert (stopped.code, content(image_run)) == (1, before)
    assert "    0.0 %  a/one.jpg" in stopped.err
    assert "--on-disagreement first" in stopped.err
    assert al("labels", "import", image_run, "e.json", "--on-disagreement", "ignore-pixels").code == 2
    assert al("labels", "import", image_run, "e.json", "--on-disagreement", "first").code == 0
    assert store(image_run).image_class("a/one.jpg") == 1


def test_annotators_who_differ_in_pixels(al: Call, pixel_run: Path, here: Path) -> None:
    one = np.full((HEIGHT, WIDTH), 1, np.uint8)
    other = one.copy()
    other[:3] = 2
    export = studio([one, one, one])
    export[0]["annotations"].append(studio([other] * 3)[0]["annotations"][0])
    (here / "e.json").write_text(json.dumps(export))
    stopped = al("labels", "import", pixel_run, "e.json")
    assert stopped.code == 1
    assert "   50.0 %  a/one.jpg" in stopped.err
    assert al("labels", "import", pixel_run, "e.json", "--on-disagreement", "first").code == 0
    assert (store(pixel_run).mask("a/one.jpg") == 1).all()
    assert al("labels", "import", pixel_run, "e.json", "--on-disagreement", "ignore-pixels").code == 0
    mask = store(pixel_run).mask("a/one.jpg")
    assert (mask[:3] == 255).all()
    assert (mask[3:] == 1).all()


def test_skipped_and_open_tasks_are_not_labelled_yet(al: Call, pixel_run: Path, here: Path) -> None:
    export = studio(masks_of())
    export[0]["annotations"][0]["was_cancelled"] = True
    export[1]["annotations"] = []
    (here / "e.json").write_text(json.dumps(export))
    answer = al("labels", "import", pixel_run, "e.json")
    assert answer.code == 0
    assert "2 tasks are not labelled yet, or were skipped" in answer.err
    assert store(pixel_run).names() == {"two.png"}


def test_what_nobody_labelled_is_ignored_or_background(al: Call, pixel_run: Path, here: Path) -> None:
    export = studio(masks_of())
    export[1]["annotations"][0]["result"] = []
    (here / "e.json").write_text(json.dumps(export))
    empty = al("labels", "import", pixel_run, "e.json")
    assert empty.code == 1
    assert "task 2 ('b/one.jpg'): nothing in it is labelled" in empty.err
    assert al("labels", "import", pixel_run, "e.json", "--background", "sky").code == 0
    assert (store(pixel_run).mask("b/one.jpg") == 0).all()
    before = masks_of()[0]
    assert (store(pixel_run).mask("a/one.jpg") == np.where(before == 255, 0, before)).all()
    wrong = al("labels", "import", pixel_run, "e.json", "--background", "ski")
    assert wrong.code == 2
    assert "Did you mean 'sky'" in wrong.err
    # What somebody painted `ignore` is ignored even with a background, be it all of the image.
    export[1]["annotations"][0]["result"] = json.loads(json.dumps(export[0]["annotations"][0]["result"][:1]))
    value = export[1]["annotations"][0]["result"][0]["value"]
    value["brushlabels"], value["rle"] = ["ignore"], encode_brush(np.ones((HEIGHT, WIDTH), bool))
    (here / "e.json").write_text(json.dumps(export))
    assert al("labels", "import", pixel_run, "e.json", "--background", "sky").code == 0
    assert (store(pixel_run).mask("b/one.jpg") == 255).all()


def test_polygons_of_all_tools_and_what_lies_on_top(al: Call, pixel_run: Path, here: Path) -> None:
    expected = np.full((HEIGHT, WIDTH), 255, np.uint8)
    expected[0:4, 0:8] = 1
    expected[1:3, 2:4] = 2
    export = studio([np.zeros((HEIGHT, WIDTH), np.uint8)] * 3)[:1]
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "type": "polygonlabels"}
    y = 100 / HEIGHT
    export[0]["annotations"][0]["result"] = [
        {**size, "value": {"points": points, "polygonlabels": [name], "closed": True}}
        for name, points in (
            ("car", [[0, 0], [100, 0], [100, 4 * y], [0, 4 * y]]),
            ("tree & bush", [[25, y], [50, y], [50, 3 * y], [25, 3 * y]]),
        )
    ] + [{"type": "textarea", "value": {"text": ["a comment"]}}]
    (here / "studio.json").write_text(json.dumps(export))
    coco = write_coco(as_items([None] * 3), CLASSES)
    coco["annotations"] = [  # the small one first: it lies on top nevertheless
        {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [[2, 1, 4, 1, 4, 3, 2, 3]], "iscrowd": 0},
        {
            "id": 2,
            "image_id": 1,
            "category_id": 2,
            "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4], [4, 0, 8, 0, 8, 4, 4, 4]],
        },
    ]
    (here / "coco.json").write_text(json.dumps(coco))
    (here / "cvat.xml").write_text(
        f'<annotations><image id="0" name="{IN_BATCH[0]}" width="8" height="6">'
        '<polygon label="tree &amp; bush" points="2.0,1.0;4.0,1.0;4.0,3.0;2.0,3.0" z_order="1"></polygon>'
        '<polygon label="car" points="0,0;8,0;8,4;0,4" z_order="-1"></polygon>'
        '<tag label="x"></tag></image></annotations>'
    )
    for name in ("studio.json", "coco.json", "cvat.xml"):
        shutil.rmtree(pixel_run / "labels/masks", ignore_errors=True)
        answer = al("labels", "import", pixel_run, name)
        assert answer.code == 0, answer.err
        assert (store(pixel_run).mask("a/one.jpg") == expected).all(), name
    assert "1 annotations that are no labels of this kind" in answer.err


def test_cvats_masks_in_palettes_and_positions_and_its_background(al: Call, pixel_run: Path, here: Path) -> None:
    label_map = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:9,9,9::\nother:7,7,7::\nsky:128,0,0::\n"
    indexed = Image.fromarray(np.array([[0, 1, 3] + [3] * 5] * HEIGHT, np.uint8), "L")
    palette = indexed.copy()
    palette = Image.fromarray(np.asarray(indexed), "P")
    palette.putpalette([0, 0, 0, 9, 9, 9, 7, 7, 7, 128, 0, 0])
    expected = [255, 1, 0]
    for image in (indexed, palette):
        stream = io.BytesIO()
        image.save(stream, "PNG")
        files = {"t/labelmap.txt": label_map, f"t/SegmentationClass/{IN_BATCH[0][:-4]}.png": stream.getvalue()}
        zipped(here / "m.zip", files)
        assert al("labels", "import", pixel_run, "m.zip").code == 0
        assert store(pixel_run).mask("a/one.jpg")[0, :3].tolist() == expected
    assert al("labels", "import", pixel_run, "m.zip", "--background", "tree & bush").code == 0
    assert store(pixel_run).mask("a/one.jpg")[0, :3].tolist() == [2, 1, 0]


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


MAP = "background:0,0,0::\nsky:1,2,3::\n"
MASK = "SegmentationClass/two.png"
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
    "too many": (edited(lambda e: e[0].update(annotations=e[0]["annotations"] * 101)), "more than 100 annotations"),
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
    assert answer.code == 1, answer.out
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
    assert (answer.code, content(pixel_run)) == (1, before)
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
    assert (answer.code, content(image_run)) == (1, before), answer.out
    assert any(part in answer.err for part in message.split("|")), answer.err


def test_a_mask_behind_a_link_out_of_its_folder_is_refused(al: Call, pixel_run: Path, here: Path) -> None:
    file("secret.png", png(masks_of()[0]))(here)
    (here / "masks").mkdir()
    (here / "masks/two.png").symlink_to(here / "secret.png")
    answer = al("labels", "import", pixel_run, here / "masks")
    assert answer.code == 1
    assert "it is a link out of its folder" in answer.err


def test_many_problems_are_cut_to_twenty_lines(al: Call, image_run: Path, here: Path) -> None:
    (here / "t.csv").write_text("image,class\n" + "".join(f"{number}.png,car\n" for number in range(1234)))
    answer = al("labels", "import", image_run, "t.csv")
    assert answer.code == 1
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
        (["labels", "import", "run_image", "nowhere.json"], 1, "nowhere.json: it does not exist"),
        (["labels", "import", "run_image", "/dev/zero"], 1, "/dev/zero: it is no file"),
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
    script = "import sys; from al_lightning.cli_labels import labels\n"
    script += "code = labels(['import', 'run_image', 't.csv'], False)\n"
    script += "sys.exit(code or 9 * ('torch' in sys.modules or 'lightning' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=here, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Fuzzing: valid exports, damaged in every way, through the real command.

HOSTILE = [
    None, True, -1, 0, 1.5, 1e308, -0.0, 10**400, 2**31, 2**63, "", "x", "../../etc/passwd", "\ud800", "\x00", "C:\\x",
    "two.png", "http://[::1", "%00", [], {}, [[]], [None], {"a": {}}, ["two.png"] * 3, [1, 2], "a" * 5000, [[[[]]]],
]  # fmt: skip


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Yield the paths to everything in plain data."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(min(len(value), 12)):
            yield from places(value[key], (*path, key))


def replaced(value: object, path: tuple, new: object) -> object:
    if not path:
        return new
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = replaced(made[path[0]], path[1:], new)
    return made


@st.composite
def damaged_json(draw: st.DrawFn, value: object) -> bytes:
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, draw(st.sampled_from(HOSTILE)))
    return json.dumps(value).encode()


@st.composite
def damaged_bytes(draw: st.DrawFn, good: bytes) -> bytes:
    made = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        if not made:
            break
        place = draw(st.integers(0, len(made) - 1))
        how = draw(st.sampled_from(["cut", "byte", "swap", "large", "drop", "again"]))
        if how == "cut":
            del made[place:]
        elif how == "byte":
            made[place] = draw(st.integers(0, 255))
        elif how == "swap":
            other = draw(st.integers(0, len(made) - 1))
            made[place], made[other] = made[other], made[place]
        elif how == "large":
            made[place : place + 4] = b"\xff\xff\xff\x7f"
        elif how == "drop":
            del made[place : place + draw(st.integers(1, 30))]
        else:
            made[place:place] = made[place : place + 40]
    return bytes(made)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, bytes]]]:
    """For each kind a run with a label, and the valid files."""
    found = {}
    for kind, files in (("pixel", pixel_files), ("image", image_files)):
        folder = tmp_path_factory.mktemp(kind)
        run = make_run(folder, kind)
        labels = masks_of(5) if kind == "pixel" else [0, 1, 2]
        good = {path.name: path.read_bytes() for path in files(folder, labels) if path.is_file()}
        if kind == "pixel":
            good["two.png"] = png(labels[2])
        store(run).apply({"two.png": labels[2]})
        found[kind] = run, good
    return found


def hold_out(run: Path, path: Path, *options: str) -> None:
    """Import whatever it is: never a traceback, and the store as it was unless the exit code is 0."""
    before = content(run)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["labels", "import", str(run), str(path), *options])
    said = out.getvalue() + err.getvalue()
    assert code in (0, 1, 2), said
    assert "Traceback" not in said
    assert "Error: " not in said, said  # what main() says of an error that nobody foresaw
    assert "--verbose" not in said, said
    said.encode("utf-8")  # no half characters, which a terminal could not show
    assert "\x1b" not in said
    if code:
        assert content(run) == before, said
    else:
        for name in store(run).names():
            assert store(run).mask(name) is not None or store(run).image_class(name) is not None


QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.parametrize("kind", ["pixel", "image"])
@QUICK
@given(data=st.data())
def test_json_with_replaced_values_holds_out(fuzzed: dict, tmp_path_factory, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    name = data.draw(st.sampled_from([name for name in good if name.endswith(".json")]))
    path = run.parent / "fuzzed.json"
    path.write_bytes(data.draw(damaged_json(json.loads(good[name]))))
    hold_out(run, path, *data.draw(st.sampled_from([(), ("--on-disagreement", "first")])))


@pytest.mark.parametrize("kind", ["pixel", "image"])
@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_files_with_damaged_bytes_hold_out(fuzzed: dict, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    name = data.draw(st.sampled_from(sorted(good)))
    path = run.parent / "damaged" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.draw(damaged_bytes(good[name])))
    hold_out(run, path)


@pytest.mark.parametrize("kind", ["pixel", "image"])
@QUICK
@given(data=st.data())
def test_archives_with_hostile_members_hold_out(fuzzed: dict, kind: str, data: st.DataObject) -> None:
    run, good = fuzzed[kind]
    names = st.sampled_from(
        ["labelmap.txt", MASK, "SegmentationClass/0001_a__one.png", "../x.png", "/etc/passwd", "annotations.xml",
         "annotations/instances_default.json", "car/two.png", "car/../../x", "x\\y", "a/b/c/SegmentationClass/two.png"]
    )  # fmt: skip
    members = data.draw(st.dictionaries(names, st.sampled_from([*good.values(), MAP.encode(), b"", b"\x00" * 99])))
    hold_out(run, zipped(run.parent / "hostile.zip", members))


@QUICK
@given(name=st.text(max_size=20).filter(lambda text: "\0" not in text and text.strip("./")), label=st.text(max_size=9))
def test_hostile_names_in_folders_and_tables_hold_out(fuzzed: dict, name: str, label: str) -> None:
    run, _ = fuzzed["image"]
    table = run.parent / "hostile.csv"
    table.write_bytes(f"image,class\n{name},{label}\n".encode("utf-8", "surrogatepass"))
    hold_out(run, table)
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "car" / (name.replace("/", "_") + ".png")).parent.mkdir()
            (Path(folder) / "car" / (name.replace("/", "_") + ".png")).write_bytes(b"")
        except (OSError, ValueError):
            return
        hold_out(run, Path(folder))
