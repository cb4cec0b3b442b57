"""The audit of a whole folder: nothing wrong, what cannot be audited, and the score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.audits.audit import audit
from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.text import summary
from al_lightning.data import CamVid, DrivingVideo, MaskFolder
from al_lightning.errors import DatasetError, UsageError
from tests.support.audited import look, tree
from tests.support.errors import raises
from tests.support.pictures import scene

DATA = Path(__file__).parents[3] / "shared/data"


# Nothing wrong


def test_clearly_different_images_are_not_flagged(tmp_path: Path) -> None:
    found = look(tree(tmp_path, 40, 20))
    assert found.problems == ()
    assert not found.fails
    assert found.groups == found.leaks == found.spans == found.findings == ()
    assert (found.pool.images, found.pool.readable, found.test.images) == (40, 40, 20)
    assert found.redundancy < 0.02
    assert "no leakage, no duplicates" in summary(found)
    assert found.pool.sizes == ((48, 64, 40),)


def test_a_folder_without_masks_and_without_test_set(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(scene(number)).save(tmp_path / f"{number}.jpg")
    found = audit(AuditFolder(tmp_path), workers=0)
    assert found.title == str(tmp_path)
    assert found.problems == ()
    assert found.classes == ()
    assert found.test.images == 0
    assert not found.pool.labels
    assert "no test set" in " ".join(found.notes)
    assert "--sequence-pattern" in " ".join(found.notes)
    assert "no duplicates" in summary(found)
    assert "no leakage" not in summary(found)


def test_images_in_a_folder_of_labels_are_named(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.fromarray(scene(0)).save(tmp_path / folder / "0.png")
    assert any(f"--masks {tmp_path / 'masks'}" in note for note in audit(AuditFolder(tmp_path), workers=0).notes)
    both = audit(AuditFolder(tmp_path / "images", tmp_path / "masks"), workers=0)
    assert not any("--masks" in note for note in both.notes)


def test_what_cannot_be_audited_is_one_sentence(tmp_path: Path) -> None:
    with raises(DatasetError, tmp_path / "none", "--images DIR"):
        audit(AuditFolder(tmp_path / "none"), workers=0)
    with raises(DatasetError, tmp_path, "no images"):
        audit(AuditFolder(tmp_path), workers=0)
    Image.fromarray(scene(0)).save(tmp_path / "0.png")
    with raises(DatasetError, tmp_path / "none", "--masks DIR"):
        audit(AuditFolder(tmp_path, tmp_path / "none"), workers=0)
    with raises(UsageError, "sequence_pattern", "(.+)"):
        audit(AuditFolder(tmp_path, sequence_pattern="(.+)"), workers=0)


# What the labels hold


def test_masks_of_0_and_255_are_two_classes_and_other_ids_leave_255_ignored(tmp_path: Path) -> None:
    root = tree(tmp_path)
    for number, path in enumerate(sorted((root / "masks").rglob("*.png"))):
        label = np.zeros((48, 64), np.uint8)
        label[: 3 + number] = 255
        Image.fromarray(label).save(path)
    found = look(root)
    assert [one.name for one in found.classes] == ["label id 0", "label id 255"]
    pool = sum(64 * (3 + number) for number in range(4, 10))  # the masks of `test` come first
    assert [one.pool_pixels for one in found.classes] == [6 * 48 * 64 - pool, pool]
    assert found.ignored == (0.0, 0.0)
    assert "0 and 255 alone" in " ".join(found.notes)
    assert found.problems == ()
    classes = MaskFolder(
        ["ground", "box"], root=str(root), images="images/train", masks="masks/train", test_images="images/test",
        test_masks="masks/test",
    )  # fmt: skip
    same = audit(classes, workers=0)
    assert [(one.pool_pixels, one.test_pixels) for one in same.classes] == [
        (one.pool_pixels, one.test_pixels) for one in found.classes
    ]
    assert "0 is ground, 255 is box" in " ".join(same.notes)
    label = np.full((48, 64), 255, np.uint8)
    label[0], label[1] = 0, 1
    Image.fromarray(label).save(root / "masks/train/a_000.png")
    other = look(root)
    assert other.ignored[0] > 0
    assert not any("0 and 255 alone" in note for note in other.notes)


@pytest.mark.parametrize(
    ("fill", "row", "facts"),
    [(0, 0, ["single class label id 0"]), (255, 1, ["97.9 % of all pixels of the labels of the pool", "single class"])],
)
def test_labels_from_which_no_network_can_learn_are_a_problem(
    tmp_path: Path, fill: int, row: int, facts: list[str]
) -> None:
    root = tree(tmp_path)
    for path in (root / "masks").rglob("*.png"):
        label = np.full((48, 64), fill, np.uint8)
        label[0] = row
        Image.fromarray(label).save(path)
    found = look(root)
    texts = " ".join(problem.text for problem in found.problems if problem.strict)
    assert all(fact in texts for fact in facts), texts
    assert "the test set" in texts
    assert found.fails


# The score


def score(**pool: int) -> float:
    data = DrivingVideo(pool_size=132, test_size=4, size=(32, 64), **pool)
    return audit(data, workers=0).redundancy


def test_redundancy_grows_with_consecutive_frames_and_with_copies() -> None:
    none, five, eleven, twenty_one = (score(follow=frames) for frames in (0, 5, 11, 21))
    assert none < five < eleven < twenty_one < 1
    assert none < 0.05
    assert five > 0.5
    assert score(copies=5) > none


def test_redundancy_of_equal_clips_is_what_the_definition_says(tmp_path: Path) -> None:
    for number in range(5):
        for copy in range(4):
            Image.fromarray(scene(number)).save(tmp_path / f"{number}_{copy}.png")
    assert audit(AuditFolder(tmp_path), workers=0).redundancy == pytest.approx(1 - 1 / 4, abs=0.005)


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "camvid").is_dir(), reason=f"no CamVid in {DATA}")
def test_camvid_fifteen_hertz_is_more_redundant_and_a_sequence_spans() -> None:
    train = CamVid(root=str(DATA / "camvid"), size=(90, 120))
    clip = CamVid(root=str(DATA / "camvid"), size=(90, 120))
    clip.train_list = "val.txt"
    found = audit(train, workers=0)
    assert [(span.name, span.pool_images, span.test_images, span.gap) for span in found.spans] == [
        ("0001TP", 62, 62, 30)
    ]
    assert all("0001TP" in leak.test.name and "0001TP" in leak.pool.name for leak in found.leaks)
    assert found.findings == ()
    assert audit(clip, workers=0).redundancy > 0.8 > 0.5 > found.redundancy > 0.2
