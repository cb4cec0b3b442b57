"""Folders as downloads, cameras and file systems leave them, in every command that reads images, as typed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.config.experiment import dataset
from al_lightning.errors import DatasetError, UsageError
from al_lightning.runs.journal import read_run
from tests.support.errors import lacking, refused
from tests.support.own_folders import BUDGET, CLASSES, MASKS, masked, pictures
from tests.support.runs import SMALL_NETWORK, Answer

Call = Callable[..., Answer]


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
    said = ["images beside the class folders 3", ".heic files 1", "archives 1", "images in __MACOSX 2"]
    said.append("broken links 1")
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
    data = dataset(["mask_folder"], ["--data.root=~/street", "--data.classes", "[a, b]", "--data.masks=~/street/masks",
                                     "--data.images=~/street/images"])  # fmt: skip
    assert len(data.train) == 6
    assert not (here / "~").exists()


def test_a_list_with_a_mark_tabs_and_names_with_blanks_is_read(al: Call, here: Path) -> None:
    masked(here / "root")
    for folder in ("images", "masks"):
        (here / "root" / folder / "000.png").rename(here / "root" / folder / "0 00.png")
    names = ["0 00", *(f"{number:03d}" for number in range(1, 8))]
    lines = "".join(f"images/{name}.png\tmasks/{name}.png\n" for name in names)
    (here / "root/list.txt").write_text(lines, encoding="utf-8-sig")
    done = al("fit", *MASKS, "--data.root", "root", "--data.train_list", "list.txt", "--run_dir", "r")
    assert done.code == 0, done.err
    assert sizes(here / "r")[0] == 6


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
def test_class_names_and_sizes_that_cannot_be_are_a_sentence(
    al: Call, here: Path, options: list[str], facts: list[str]
) -> None:
    command = ["fit", "--config", "mask_folder_random", "--data.classes", "[a, b]", "--run_dir", "r"]
    answer = al(*command, "--data.root", ".", *options, "--oracle", "files")
    assert refused(answer, UsageError, *facts)
    assert len(answer.err.strip().splitlines()) == 1
    assert not (here / "r").exists()
    assert al(*command, "--data.classes", '["no", "0", "1e3"]', "--print_config").code == 0
