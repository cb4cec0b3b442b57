"""Files that are wrong, and labels that no reader checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.audits.audit import audit
from al_lightning.data import MaskFolder
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images
from al_lightning.errors import DatasetError
from tests.support.audited import kinds, look, mask, tree
from tests.support.pictures import scene

CLASSES = ["road", "car", "tree"]


def test_every_broken_file_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    images, masks = tree(tmp_path, 8) / "images/train", tmp_path / "masks/train"
    whole = (images / "a_000.png").read_bytes()
    (images / "a_000.png").write_bytes(whole[: len(whole) // 2])
    (masks / "a_001.png").unlink()
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(masks / "a_002.png")
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(masks / "a_003.png")
    Image.new("RGB", (64, 48)).save(masks / "a_004.png")
    (masks / "a_005.png").write_text("no picture")
    found = look(tmp_path)
    assert [(finding.index, finding.kind) for finding in found.findings] == [
        (0, "unreadable image"),
        (1, "missing label"),
        (2, "mask all void"),
        (3, "sizes differ"),
        (4, "unreadable label"),
        (5, "unreadable label"),
    ]
    for finding in found.findings:
        assert f"a_{finding.index:03d}.png" in finding.text
        assert finding.side == "pool"
    assert (found.pool.images, found.pool.readable, found.pool.void_masks) == (8, 7, 1)
    assert kinds(found) == ["files"]
    assert found.fails
    assert found.problems[0].text.startswith("Files of the pool: 1 mask that is all void, 1 missing label")
    ids = {one.name: one.pool_images for one in found.classes}  # of the two masks that are as they should be
    assert ids == {"label id 0": 2, "label id 1": 2}


def test_unknown_ids_and_absent_classes_of_a_dataset_with_a_mapping(tmp_path: Path) -> None:
    tree(tmp_path)
    unknown = mask(1)
    unknown[5, 5] = 77
    Image.fromarray(unknown).save(tmp_path / "masks/train/a_003.png")
    folders = {"images": "images/train", "masks": "masks/train", "test_images": "images/test"}
    data = MaskFolder(CLASSES, root=str(tmp_path), test_masks="masks/test", **folders)  # type: ignore[arg-type]
    found = audit(data, workers=0)
    assert [(finding.kind, finding.index) for finding in found.findings] == [("label id outside the mapping", 3)]
    assert "77" in found.findings[0].text
    assert "a_003.png" in found.findings[0].text
    absent = [problem for problem in found.problems if problem.kind == "classes"]
    assert [problem.text for problem in absent] == [
        "1 class is absent from the pool: tree.",
        "1 class is absent from the test set: tree.",
    ]
    assert not any(problem.strict for problem in absent)
    # Masks 0 to 5 but 3: 64 * 48 pixels, the first row void, class 1 in the left half from row k on.
    car = sum(32 * (48 - max(1, number)) for number in (0, 1, 2, 4, 5))
    assert [one.pool_pixels for one in found.classes] == [5 * 64 * 47 - car, car, 0]
    assert found.ignored[0] == pytest.approx(1 / 48, abs=1e-6)


class Odd(Images):
    """Labels that no reader checked, and an image whose decoder fails in its own way."""

    def __len__(self) -> int:
        return 5

    def image(self, index: int) -> Array:
        if index == 4:
            raise ZeroDivisionError("a decoder's own")
        return scene(index)

    def label(self, index: int) -> int | Array:
        return [np.zeros((3, 3), np.uint8), np.full((48, 64), 9, np.uint8), 7, 1][index]  # type: ignore[return-value]

    def name(self, index: int) -> str:
        return f"odd {index}"


class OddData(PoolDataset):
    folder = "odd"
    class_names = ("a", "b")

    def build_train(self) -> Images:
        return Odd()

    def build_test(self) -> Images:
        raise DatasetError("The list test.txt names a file that is not there.")


def test_what_no_reader_checks_is_checked_and_a_set_that_fails_is_a_finding() -> None:
    found = audit(OddData(), workers=0)
    assert [(finding.side, finding.index, finding.kind) for finding in found.findings] == [
        ("test", -1, "set cannot be set up"),
        ("pool", 0, "sizes differ"),
        ("pool", 1, "label id outside the mapping"),
        ("pool", 2, "label id outside the mapping"),
        ("pool", 4, "unreadable image"),
    ]
    assert "test.txt" in found.findings[0].text
    assert "ZeroDivisionError: a decoder's own" in found.findings[-1].text
