"""`al-lightning labels`, as typed: every format is read, and the printed counts are right."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from al_lightning.errors import DatasetError
from al_lightning.labels.batch import write_batch
from al_lightning.labels.formats.coco import write_coco
from al_lightning.labels.importer import read_labels
from al_lightning.labels.item import Item
from al_lightning.labels.project import Project, write_project
from al_lightning.labels.shapes.brush import encode_brush
from al_lightning.labels.store import LabelStore
from tests.support.errors import refused
from tests.support.label_exports import (
    CLASSES,
    COLOURS,
    HEIGHT,
    IN_BATCH,
    NAMES,
    WIDTH,
    Call,
    as_items,
    content,
    image_files,
    make_run,
    masks_of,
    pixel_files,
    store,
    studio,
    zipped,
)


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


def png_folder(folder: Path, masks: list[np.ndarray]) -> Path:
    for name, mask in zip(NAMES, masks, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save((folder / name).with_suffix(".png"))
    return folder


def two_classes(here: Path) -> Path:
    run = make_run(here, "pixel")
    sizes = dict.fromkeys(NAMES, (WIDTH, HEIGHT))
    write_project(run, Project("pixel", CLASSES[:2], COLOURS[:2], "data", "labels", sizes))
    return run


def test_masks_of_0_and_255_are_the_two_classes_of_a_run(al: Call, here: Path) -> None:
    run, kept = two_classes(here), LabelStore(here / "run_pixel/labels", CLASSES[:2], "pixel")
    masks = [np.full((HEIGHT, WIDTH), 255, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)]
    masks.append(np.where(np.arange(WIDTH) < 3, 0, 255).repeat(HEIGHT).reshape(WIDTH, HEIGHT).T.astype(np.uint8))
    answer = al("labels", "import", run, png_folder(here / "export", masks))
    assert answer.code == 0, answer.err
    assert "0 is sky, 255 is car" in answer.err
    for name, mask in zip(NAMES, masks, strict=True):
        assert (kept.mask(name) == mask // 255).all()
    masks[0][0, 0] = 1  # another id: 255 is what nobody labelled
    answer = al("labels", "import", run, png_folder(here / "export", masks))
    assert answer.code == 0, answer.err
    assert "255 is car" not in answer.err
    for name, mask in zip(NAMES, masks, strict=True):
        assert (kept.mask(name) == mask).all()
    assert "[!] 53.5 % of all pixels of the labels of this import are ignored (255)." in answer.out  # (47 + 30) / 144


def test_masks_of_0_and_255_are_not_the_classes_where_other_labels_have_unlabelled_pixels(al: Call, here: Path) -> None:
    run, kept = two_classes(here), LabelStore(here / "run_pixel/labels", CLASSES[:2], "pixel")
    first, later = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    first[0], first[1], later[0] = 255, 1, 255
    for name, mask in zip(NAMES[1:], (first, later), strict=True):
        path = here / f"{name.replace('/', '_')}_export" / Path(name).with_suffix(".png")
        path.parent.mkdir(parents=True)
        Image.fromarray(mask).save(path)
        answer = al("labels", "import", run, path.parents[len(Path(name).parts) - 1])
        assert answer.code == 0, answer.err
    assert "255 is not labelled" in answer.err
    assert (kept.mask(NAMES[2]) == later).all()
    kept.apply({NAMES[1]: first % 255})  # the label that an import replaces says nothing of 255
    assert "255 is car" in al("labels", "import", run, path.parent, "--dry-run").err


def test_what_an_imports_labels_lack_is_said_and_imported_all_the_same(
    al: Call, pixel_run: Path, image_run: Path, here: Path
) -> None:
    ground = [np.zeros((HEIGHT, WIDTH), np.uint8)] * 3
    answer = al("labels", "import", pixel_run, png_folder(here / "export", ground))
    assert answer.code == 0, answer.err
    assert "note: 2 classes are absent from this import: car, tree & bush." in answer.out
    assert "[!] The labels of this import hold the single class sky; at least two are needed." in answer.out
    path = next(iter(image_files(here, [1, 1, 1])))
    answer = al("labels", "import", image_run, path)
    assert answer.code == 0, answer.err
    assert "[!] The labels of this import hold the single class car; at least two are needed." in answer.out


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
    assert "1 image labelled: 1 added, 0 changed, 0 unchanged." in dry.out
    assert "table.csv: 1 image " in dry.err
    done = al("labels", "import", image_run, table)
    assert "cycle_00  1 of 2 labelled, 1 missing" in done.out
    assert "initial   0 of 1 labelled, 1 missing" in done.out
    assert done.out.index("initial ") < done.out.index("cycle_00")
    assert "al-lightning fit --config x" in done.out
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
    assert al("labels", "import", image_run, "1.csv", "2.csv").code == 65
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
    assert (stopped.code, content(image_run)) == (65, before)
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
    assert stopped.code == 65
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
    assert "e.json: 2 tasks" in answer.err
    assert store(pixel_run).names() == {"two.png"}


def test_what_nobody_labelled_is_ignored_or_background(al: Call, pixel_run: Path, here: Path) -> None:
    export = studio(masks_of())
    export[1]["annotations"][0]["result"] = []
    (here / "e.json").write_text(json.dumps(export))
    empty = al("labels", "import", pixel_run, "e.json")
    assert refused(empty, DatasetError, "task 2", "'b/one.jpg'", "--background")
    assert al("labels", "import", pixel_run, "e.json", "--background", "sky").code == 0
    assert (store(pixel_run).mask("b/one.jpg") == 0).all()
    before = masks_of()[0]
    assert (store(pixel_run).mask("a/one.jpg") == np.where(before == 255, 0, before)).all()
    wrong = al("labels", "import", pixel_run, "e.json", "--background", "ski")
    assert wrong.code == 2
    assert "'sky'" in wrong.err
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
    assert ": 1 annotation " in answer.err


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
