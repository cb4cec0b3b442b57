"""Folders as downloads, cameras and file systems leave them, in every command that reads images, as typed."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.config.experiment import dataset
from al_lightning.errors import DatasetError, LabelsAwaited, UsageError
from al_lightning.labels.project import read_project
from al_lightning.runs.journal import read_run
from tests.support.errors import lacking, refused
from tests.support.odd_images import noise, photograph, several
from tests.support.runs import SMALL_NETWORK, Answer

Call = Callable[..., Answer]
BUDGET = ["--steps", 1, "--data.workers", 0, "--data.batch_size", 2, "--budget.unit", "images", "--budget.initial", 4]
BUDGET += ["--budget.query", 2, "--budget.cycles", 0, "--initial", "random"]
CLASSES = ["--config", "image_folder_random", *BUDGET, *SMALL_NETWORK]
MASKS = ["--config", "mask_folder_unet_random", *BUDGET, "--network.width", 2, "--data.classes", "[a, b]"]
MASKS += ["--data.augmentation.crop", "[16, 16]", "--training.head_lr_factor", 1]


def pictures(folder: Path, count: int = 6, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(noise(number + zlib.crc32(os.fsencode(folder.name)))).save(folder / f"{number:03d}.png")
    return folder


def masked(root: Path, count: int = 8) -> Path:
    """Images of 24 x 32 and their masks: the upper half is class 0, the lower one class 1."""
    pictures(root / "images", count)
    (root / "masks").mkdir()
    mask = np.zeros((24, 32), np.uint8)
    mask[12:] = 1
    for path in (root / "images").iterdir():
        Image.fromarray(mask).save(root / "masks" / path.name)
    return root


def sizes(run: Path) -> tuple[int, list[str]]:
    record = read_run(run).record
    return record.pool_size, record.classes


@pytest.mark.parametrize(("train", "test"), [("Training", "Testing"), ("seg_train/seg_train", "seg_test/seg_test")])
def test_sets_in_other_spellings_are_the_same_sets_in_every_command(
    al: Call, here: Path, train: str, test: str
) -> None:
    for side, count in ((train, 6), (test, 3), ("val", 2)):
        for name in ("cat", "dog"):
            pictures(here / "root" / side / name, count, {"val": 50, test: 20}.get(side, 0))
    said = [f"root/{train} is read as the training set, root/{test} as the test set", "images in val 4"]
    done = al("fit", *CLASSES, "--data.root", "root", "--run_dir", "r")
    assert done.code == 0, done.err
    assert sizes(here / "r") == (12, ["cat", "dog"])
    assert not lacking(done.err, [*said, "2 classes", "cat 6 + 3, dog 6 + 3"])
    for command in (["--config", "image_folder", "--data.root", "root"], ["--images", "root"]):
        audit = al("audit", *command, "--processes", 1)
        assert audit.code == 0, audit.err
        assert not lacking(audit.out, [*said, "pool      12 images", "test set  6 images"])
    prepared = al("prepare", "image_folder", "--data.root", "root", "--data.size", "[8, 8]", "--processes", 1)
    assert (prepared.code, lacking(prepared.err, [*said, "18 images"])) == (0, [])
    advice = al("recommend", "--images", "root", "--task", "classification", "--labels", 6, "--processes", 1)
    assert advice.code == 0, advice.err
    assert not lacking(" ".join(advice.out.split()), ["12 images", "for each of 2 classes", *said])


def test_what_of_the_root_is_not_used_is_counted(al: Call, here: Path) -> None:
    for name in ("cat", "dog"):
        pictures(here / "root" / name)
    pictures(here / "root", 3)
    (here / "root/cat/photo.heic").touch()
    (here / "root/more.zip").touch()
    pictures(here / "root/__MACOSX/cat", 2)
    (here / "root/dog/gone.png").symlink_to(here / "gone.png")
    said = [
        "images beside the class folders 3",
        ".heic files 1",
        "archives 1",
        "images in __MACOSX 2",
        "broken links 1",
    ]
    done = al("fit", *CLASSES, "--data.root", "root", "--run_dir", "r")
    assert done.code == 0, done.err
    assert not lacking(done.err, ["not used in root", *said])
    assert not lacking(al("audit", "--config", "image_folder", "--data.root", "root", "--processes", 1).out, said)
    predicted = al("predict", "r", "root", "--out", "p")
    assert predicted.code == 0, predicted.err
    assert not lacking(predicted.err, ["not used in root", *said[1:]])
    assert len((here / "p/predictions.csv").read_text().splitlines()) == 1 + 12 + 3


def test_masks_in_sets_and_linked_folders(al: Call, here: Path) -> None:
    masked(here / "more", 6)
    masked(here / "root", 4)
    for kind in ("images", "masks"):
        for path in (here / "more" / kind).iterdir():
            path.rename(path.with_name(f"x{path.name}"))
        (here / "root" / kind / "drive2").symlink_to(here / "more" / kind, target_is_directory=True)
    (here / "root/images/drive2/loop").symlink_to(here / "root/images", target_is_directory=True)
    done = al("fit", *MASKS, "--data.root", "root", "--run_dir", "r")
    assert done.code == 0, done.err
    assert sizes(here / "r") == (8, ["a", "b"])
    assert not lacking(done.err, ["2 classes: 0 a, 1 b", "8 + 2", "links to folders listed already 1"])
    audit = al("audit", "--images", "root/images", "--masks", "root/masks", "--processes", 1)
    assert not lacking(audit.out, ["10 images", "links to folders listed already 1"])
    for kind in ("images", "masks"):
        (here / "sets" / kind).mkdir(parents=True)
        shutil.copytree(here / "more" / kind, here / "sets" / kind / "Train", symlinks=True)
        shutil.copytree(here / "root" / kind, here / "sets" / kind / "Test", symlinks=True)
        (here / "sets" / kind / "Test/drive2").unlink()
    (here / "sets/images/Train/loop").unlink()
    done = al("fit", *MASKS, "--data.root", "sets", "--run_dir", "s")
    assert done.code == 0, done.err
    assert not lacking(done.err, ["sets/images/Train is read as the training set, sets/images/Test as the test set"])
    assert sizes(here / "s") == (6, ["a", "b"])


STACKS = ["stack.tif", "animation.gif"]


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_or_an_animation_is_no_image_anywhere(al: Call, here: Path, name: str) -> None:
    for folder in ("cat", "dog"):
        pictures(here / "root" / folder)
    assert al("fit", *CLASSES, "--data.root", "root", "--run_dir", "r").code == 0
    stack = several(here / "root/cat" / name)
    facts = [f"root/cat/{name}", "several images", "split it into a file each"]
    assert refused(al("fit", *CLASSES, "--data.root", "root", "--run_dir", "s"), DatasetError, *facts)
    assert not (here / "s/cycles.jsonl").exists()
    people = ["--oracle", "files", "--data.root", "root", "--run_dir", "t", "--data.test_share", 0]
    assert refused(al("fit", *CLASSES, *people), DatasetError, *facts)
    assert not (here / "t/batches").exists()
    for what in (["--images", "root"], ["--config", "image_folder", "--data.root", "root"]):
        audit = al("audit", *what, "--processes", 1, "--strict")
        assert audit.code == 1
        assert not lacking(audit.out, ["1 file that holds several images", *facts])
    kinds = [finding["kind"] for finding in json.loads((here / "audit/audit.json").read_text())["findings"]]
    assert kinds == ["several images in a file"]
    assert refused(al("prepare", "image_folder", "--data.root", "root", "--processes", 1), DatasetError, *facts)
    assert refused(al("predict", "r", "root", "--out", "p"), DatasetError, *facts, "1 of 13")
    assert refused(al("predict", "r", stack, "--out", "p"), DatasetError, *facts)


def test_an_image_of_too_many_pixels_stops_the_run_before_the_first_fit(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("cat", "dog"):
        pictures(here / "root" / folder)
    assert al("fit", *CLASSES, "--data.root", "root", "--run_dir", "r").code == 0
    Image.new("RGB", (80, 60)).save(here / "root/cat/scan.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    facts = ["root/cat/scan.jpg", 4000, "tiles"]
    assert refused(al("fit", *CLASSES, "--data.root", "root", "--run_dir", "s"), DatasetError, *facts)
    assert not (here / "s/cycles.jsonl").exists()
    audit = al("audit", "--images", "root", "--processes", 1)
    assert not lacking(audit.out, ["1 image of too many pixels", *facts])
    assert refused(al("predict", "r", "root", "--out", "p"), DatasetError, *facts)
    assert refused(al("prepare", "image_folder", "--data.root", "root", "--processes", 1), DatasetError, *facts)


def turned_root(root: Path, orientation: int) -> Path:
    """Photographs that were stored turned; masks of the upright view."""
    masked(root)
    for path in sorted((root / "images").glob("*.png")):
        upright = np.asarray(Image.open(path))
        path.unlink()
        photograph(path.with_suffix(".jpg"), upright, orientation)
    return root


@pytest.mark.parametrize("orientation", [3, 6])
def test_photographs_are_turned_as_viewers_turn_them_and_that_is_said(al: Call, here: Path, orientation: int) -> None:
    turned_root(here / "turned", orientation)
    turned_root(here / "upright", 1)
    said = ["8 images have an EXIF orientation", *(["masks of 8 of these fit both views"] if orientation == 3 else [])]
    done = al("fit", *MASKS, "--data.root", "turned", "--run_dir", "r")
    assert done.code == 0, done.err
    assert not lacking(done.err, said)
    assert ("fit both views" in done.err) == (orientation == 3)
    audit = al("audit", "--images", "turned/images", "--masks", "turned/masks", "--processes", 1)
    assert not lacking(audit.out, ["all 24 x 32", "no broken files", *said])
    one, other = (
        dataset(["mask_folder"], ["--data.root", root, "--data.classes", "[a, b]"]) for root in ("turned", "upright")
    )
    for index in range(len(one.train)):
        assert np.array_equal(one.train.label(index), other.train.label(index))
        difference = one.train.image(index).astype(int) - other.train.image(index)
        assert np.abs(difference).mean() < 20  # both were compressed; of other pictures it is 85
    predicted = al("predict", "r", "turned/images", "--out", "p")
    assert predicted.code == 0, predicted.err
    with Image.open(here / "p/masks/000.png") as mask:
        assert mask.size == (32, 24)


@pytest.mark.parametrize("orientation", [3, 6])
def test_people_label_what_is_trained_on(al: Call, here: Path, orientation: int) -> None:
    root = turned_root(here / "root", orientation)
    (root / "masks").rename(here / "masks")
    people = ["--oracle", "files", "--data.test_share", 0, "--data.root", "root", "--run_dir", "r"]
    assert refused(al("fit", *MASKS, *people), LabelsAwaited, "4 of 4")
    for path in (here / "r/batches/initial/images").iterdir():
        with Image.open(path) as image:
            assert (image.size, image.getexif().get(0x0112)) == ((32, 24), None)
    assert set(read_project(here / "r").images.values()) == {(32, 24)}
    labels = here / "labels/images"
    labels.mkdir(parents=True)
    for path in (here / "r/batches/initial/images").iterdir():
        shutil.copy(here / "masks" / f"{path.stem.rpartition('__')[2]}.png", labels)
    imported = al("labels", "import", "r", "labels")
    assert imported.code == 0, imported.err
    done = al("fit", *MASKS, *people)
    assert done.code == 0, done.err


def test_two_images_of_one_name_do_not_share_a_mask(al: Call, here: Path) -> None:
    masked(here / "root")
    Image.fromarray(noise(99)).save(here / "root/images/000.jpg")
    facts = ["root/images/000.jpg", "root/images/000.png", "root/masks/000.png"]
    assert refused(al("fit", *MASKS, "--data.root", "root", "--run_dir", "r"), DatasetError, *facts)
    named = ["--data.root", "root", "--data.classes", "[a, b]", "--processes", 1]
    assert refused(al("audit", "--config", "mask_folder", *named), DatasetError, *facts)
    assert refused(al("prepare", "mask_folder", *named), DatasetError, *facts)
    audit = al("audit", "--images", "root/images", "--masks", "root/masks", "--processes", 1)
    assert not lacking(audit.out, ["2 images that share a label", *facts])
    (here / "root/masks/000.png").unlink()
    people = ["--oracle", "files", "--data.test_share", 0, "--data.root", "root", "--run_dir", "people"]
    answer = al("fit", *MASKS, *people, "--budget.initial", 9)
    assert refused(answer, LabelsAwaited, "2 of 9")  # people's labels go by the whole name


@pytest.fixture
def latin(here: Path) -> Path:
    for name in ("cat", "dog"):
        pictures(here / "root" / name)
    try:
        pictures(here / "root/cat" / os.fsdecode(b"caf\xe9"), 1)
    except OSError:
        pytest.skip("this file system refuses such names itself")
    return here / "root"


def test_a_name_that_is_no_utf_8_is_refused_in_every_command(al: Call, here: Path, latin: Path) -> None:
    assert al("fit", "--config", "digits_random", *BUDGET, *SMALL_NETWORK, "--run_dir", "r").code == 0
    root = ["--data.root", "root"]
    commands = [
        ["fit", *CLASSES, *root, "--run_dir", "x"],
        ["audit", "--config", "image_folder", *root],
        ["audit", "--images", "root"],
        ["prepare", "image_folder", *root],
        ["predict", "r", "root", "--out", "p"],
        ["recommend", "--images", "root", "--labels", 4, "--task", "classification"],
    ]
    for command in commands:
        answer = al(*command)
        assert refused(answer, DatasetError, "caf\ufffd", "UTF-8", "convmv"), command
        assert "UnicodeEncodeError" not in answer.err
    (here / "root/cat" / os.fsdecode(b"caf\xe9")).rename(here / os.fsdecode(b"caf\xe9"))
    for command in (["fit", *CLASSES, "--run_dir"], ["audit", "--images"], ["predict", "r"]):
        assert refused(al(*command, os.fsdecode(b"caf\xe9")), UsageError, "caf\ufffd", "UTF-8"), command


def test_the_home_directory_is_found_behind_an_equals_sign(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    for name in ("cat", "dog"):
        pictures(here / "home/root" / name)
    assert al("fit", *CLASSES, "--data.root=~/root", "--run_dir=~/r").code == 0
    assert (here / "home/r/cycles.jsonl").is_file()
    assert al("predict", "~/r", "~/root", "--out=~/p").code == 0
    assert al("audit", "--images=~/root", "--out=~/a", "--processes", 1).code == 0
    assert (here / "home/a/audit.json").is_file()
    masked(here / "home/street")
    (here / "home/street/list.txt").write_text("images/000.png masks/000.png\nimages/001.png masks/001.png\n" * 1)
    data = dataset(["mask_folder"], ["--data.root=~/street", "--data.classes", "[a, b]", "--data.masks=~/street/masks",
                                     "--data.images=~/street/images"])  # fmt: skip
    assert len(data.train) == 6
    assert not (here / "~").exists()


@pytest.mark.parametrize("kind", ["mark", "tab", "quoted", "comma"])
def test_lists_are_read_as_editors_and_tables_save_them(al: Call, here: Path, kind: str) -> None:
    masked(here / "root")
    for folder in ("images", "masks"):
        (here / "root" / folder / "000.png").rename(here / "root" / folder / "0 00.png")
    names = ["0 00", *(f"{number:03d}" for number in range(1, 8))]
    form = {"mark": "\ufeffimages/{0}.png\tmasks/{0}.png", "tab": "images/{0}.png\tmasks/{0}.png",
            "quoted": '"images/{0}.png" "masks/{0}.png"', "comma": "images/{0}.png,masks/{0}.png"}[kind]  # fmt: skip
    lines = [form.format(name).lstrip("\ufeff" if number else "") for number, name in enumerate(names)]
    (here / "root/list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = al("fit", *MASKS, "--data.root", "root", "--data.train_list", "list.txt", "--run_dir", "r")
    assert done.code == 0, done.err
    assert sizes(here / "r")[0] == 6


def test_a_list_in_utf_16_is_named(al: Call, here: Path) -> None:
    masked(here / "root")
    (here / "root/list.txt").write_text("images/000.png masks/000.png\n", encoding="utf-16")
    answer = al("fit", *MASKS, "--data.root", "root", "--data.train_list", "list.txt", "--run_dir", "r")
    assert refused(answer, DatasetError, "root/list.txt", "UTF-16", "save it as UTF-8")


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--data.classes", "[road, road]"], ["data.classes", "'road'", "twice"]),
        (["--data.classes", '[road, ""]'], ["data.classes", "empty"]),
        (["--data.classes", "[road car tree]"], ["data.classes", "[road, car, tree]"]),
        (["--data.classes", "[no, yes]"], ["data.classes", "False", "quotes"]),
        (["--data.classes", "[0, 1, 2]"], ["data.classes", "quotes"]),
        (["--data.classes", "[1e3, b, c]"], ["data.classes", "1000.0", "quotes"]),
        (["--data.classes", "[~, b, c]"], ["data.classes", "null", "quotes"]),
        (["--data.classes", "a"], ["data.classes", "'a'", "[a, b]"]),
        (["--data.size", "[32]"], ["data.size", "[32]", "[height, width]"]),
    ],
)
@pytest.mark.parametrize("config", ["image_folder_random", "mask_folder_random"])
def test_class_names_and_sizes_that_cannot_be_are_a_sentence(
    al: Call, here: Path, config: str, options: list[str], facts: list[str]
) -> None:
    names = [] if "--data.classes" in options else ["--data.classes", "[a, b]"]
    answer = al("fit", "--config", config, "--data.root", ".", "--run_dir", "r", *names, *options, "--oracle", "files")
    assert refused(answer, UsageError, *facts)
    assert len(answer.err.strip().splitlines()) == 1
    assert not (here / "r").exists()
    quoted = ["--data.classes", '["no", "0", "1e3"]', "--print_config"]
    assert al("fit", "--config", config, "--run_dir", "r", *quoted).code == 0
