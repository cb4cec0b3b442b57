"""The commands about data, as typed: prepare and audit."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import ALError, DatasetError, UsageError
from tests.support.errors import lacking, refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]


def test_prepare_makes_a_cache_that_a_run_uses_for_the_same_result(al: Call, here: Path, class_folders: Path) -> None:
    run = [
        "fit",
        "--config",
        "small_image_folder_entropy",
        "--data.root",
        class_folders,
        "--data.size",
        "[12, 12]",
        *TINY,
    ]
    run += [*SMALL_NETWORK, "--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, "--run_dir"]
    plain = al(*run, "plain")
    assert plain.code == 0, plain.err
    data = ["--data.root", class_folders, "--data.size", "[12, 12]"]
    made = al("prepare", "image_folder", *data, "--processes", 1)
    assert made.code == 0, made.err
    assert not lacking(made.err, ["42 images decoded"])
    again = al("prepare", "image_folder", *data, "--processes", 1)
    assert (again.code, lacking(again.err, [class_folders / ".al_cache", "complete"])) == (0, [])
    used = al(*run, "used")
    assert used.code == 0, used.err
    assert journal(here / "used") == journal(here / "plain")
    assert al(*run, "plain").code == 0  # the finished run is still the same run


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        (["prepare", "digits"], UsageError, ["Digits", "decode"]),
        (["prepare", "citiscapes"], UsageError, ["'citiscapes'", "'cityscapes'"]),
        (["prepare", "image_folder", "--processes", "0"], UsageError, ["--processes is 0"]),
        (["prepare", "image_folder", "--data.rot", "x"], UsageError, ["ImageFolder", "'rot'", "'root'"]),
        (["audit"], UsageError, ["--config NAME", "--images DIR"]),
        (["audit", "--config", "digits", "--images", "x"], UsageError, ["--config NAME", "--images DIR"]),
        (["audit", "--config", "digits", "--masks", "x"], UsageError, ["--masks", "--images"]),
        (["audit", "--images", "x", "--data.size", "3"], UsageError, ["--data.size", "dataset"]),
        (["audit", "--images", "nowhere"], DatasetError, ["folder nowhere"]),
        (["audit", "--config", "digits", "--processes", "0"], UsageError, ["--processes is 0"]),
        (["audit", "--config", "digits", "--features", "efficientne"], UsageError, ["'efficientne'", "'efficientnet'"]),
        (["audit", "--config", "digits", "--features", "hypercolumns"], UsageError, ["hypercolumns", "efficientnet"]),
        (["audit", "--config", "digits", "--features", "gone.npz"], UsageError, ["gone.npz"]),
        (["audit", "--config", "digits", "--features", "--data.cache", "false"], UsageError, ["data.cache"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    al: Call, here: Path, arguments: list[str], kind: type[ALError], facts: list[str]
) -> None:
    answer = al(*arguments)
    assert refused(answer, kind, *facts)
    assert "Traceback" not in answer.err


def test_audit_of_a_folder_finds_what_was_planted_and_strict_fails(al: Call, here: Path) -> None:
    draw, folder = np.random.default_rng(0), here / "pictures"
    folder.mkdir()
    for number in range(6):
        pixels = draw.integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(pixels).save(folder / f"picture_{number}.png")
    clean = al("audit", "--images", folder, "--processes", 1, "--strict")
    assert clean.code == 0, clean.out + clean.err
    shutil.copy(folder / "picture_0.png", folder / "other_000.png")
    (folder / "broken_000.png").write_bytes(b"no image")
    found = al("audit", "--images", folder, "--out", "found", "--processes", 1, "--strict")
    assert found.code == 1
    assert "other_000.png" in found.out
    assert "broken_000.png" in found.out
    result = json.loads((here / "found/audit.json").read_text())
    assert result["fails"] is True
    assert "<img" in (here / "found/audit.html").read_text()
    assert al("audit", "--images", folder, "--processes", 1).code == 0  # without --strict it only tells


@pytest.mark.parametrize("command", [["audit"], ["recommend", "--labels", 4, "--task", "segmentation"]])
def test_a_sequence_pattern_that_matches_no_name_is_refused(al: Call, here: Path, command: list[object]) -> None:
    (here / "pictures").mkdir()
    for number in range(8):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(here / f"pictures/p{number}.png")
    pattern = ["--sequence-pattern", r"(?P<sequence>drive)_(?P<frame>\d+)"]
    answer = al(*command, "--images", here / "pictures", *pattern, "--processes", 1)
    assert refused(answer, UsageError, "none of the 8 images' names", "'p0'")
    assert not (here / "audit").exists()


def test_names_of_files_give_a_terminal_no_orders(al: Call, here: Path) -> None:
    (here / "pictures").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(here / f"pictures/{number}.png")
    (here / "pictures/e\x1b[31m\x07l.png").write_bytes(b"no image")
    answer = al("audit", "--images", here / "pictures", "--processes", 1)
    assert "e\ufffd[31m\ufffdl.png" in answer.out
    assert not {"\x1b", "\x07"} & set(answer.out + answer.err)
    answer = al("audit", "--images", here / "no\x1bwhere")
    assert refused(answer, DatasetError, "no\ufffdwhere")
    assert "\x1b" not in answer.err


def test_audit_of_a_dataset_by_name(al: Call, here: Path) -> None:
    answer = al("audit", "--config", "demo_5f", "--data.pool_size", 24, "--data.test_size", 6, "--processes", 1)
    assert answer.code == 0, answer.err
    assert "24 images" in answer.out
    assert "redundancy" in answer.out
    redundancy = json.loads((here / "audit/audit.json").read_text())["redundancy"]
    assert 0.5 < redundancy < 1


def test_a_second_opinion_by_vectors_finds_a_mirrored_copy(al: Call, here: Path) -> None:
    draw, folder = np.random.default_rng(0), here / "pictures"
    for side, first, count in (("train", 0, 3), ("test", 3, 2)):
        (folder / side).mkdir(parents=True)
        for number in range(first, first + count):
            pixels = draw.integers(0, 255, (6, 6, 3), dtype=np.uint8).repeat(16, axis=0).repeat(16, axis=1)
            Image.fromarray(pixels).save(folder / side / f"{number}.png")
    mirrored = Image.open(folder / "train/1.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    mirrored.save(folder / "test/m.png")
    (folder / "train/broken.png").write_bytes(b"no image")
    command = ["audit", "--images", folder, "--processes", 1, "--features"]
    found = al(*command)
    assert found.code == 0, found.err
    assert re.search(r"test/m.png ≈ \(pixels below 0.5, cosine [01].\d\d\) train/1.png", found.out)
    opinion = json.loads((here / "audit/audit.json").read_text())["opinion"]
    assert (opinion["encoder"], opinion["numbers"]) == ("efficientnet", 1280)
    assert opinion["leaks"]["pixels"] == opinion["leaks"]["both"] == 0
    assert lacking(found.err, ["features are made of 3 images of the pool and 3 for test"]) == []
    again = al(*command)
    assert "come from" in again.err
    assert again.out == found.out


def test_a_second_opinion_by_a_file_of_vectors(al: Call, here: Path, masks: Path) -> None:
    names = sorted(str(path.relative_to(masks / "images")) for path in (masks / "images").rglob("*.png"))
    vectors = np.eye(len(names), dtype=np.float32)
    vectors[1] = vectors[0] + 0.1
    np.savez(here / "mine.npz", vectors=vectors, names=names)
    command = ["audit", "--images", masks / "images", "--masks", masks / "masks", "--processes", 1, "--features"]
    found = al(*command, "mine.npz")
    assert found.code == 0, found.err
    assert f"mine.npz gives {len(names)} numbers an image" in found.out
    np.savez(here / "mine.npz", vectors=vectors[1:], names=names[1:])
    assert refused(al(*command, "mine.npz"), UsageError, "mine.npz", names[0])


def test_masks_are_no_images_of_the_second_opinion(al: Call, here: Path, masks: Path) -> None:
    count = len(list((masks / "images").rglob("*.png")))
    found = al("audit", "--images", masks, "--masks", masks / "masks", "--processes", 1, "--features")
    assert found.code == 0, found.err
    assert "Second opinion" in found.out, found.out
    assert lacking(found.err, [f"features are made of {count} images"]) == []


def test_a_damaged_dataset_has_no_second_opinion(al: Call, here: Path, class_folders: Path) -> None:
    broken = next((class_folders / "train").rglob("*.png"))
    broken.write_bytes(b"no image")
    command = ["audit", "--config", "image_folder", "--data.root", class_folders, "--processes", 1, "--features"]
    found = al(*command)
    assert found.code == 0, found.err
    assert lacking(found.out, ["no second opinion", "1 image cannot be read", broken.name]) == []
