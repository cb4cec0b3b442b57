"""Duplicates and leakage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from al_lightning.audits.audit import audit
from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Problem
from al_lightning.data import ImageFolder
from tests.support.audited import kinds, look, tree
from tests.support.pictures import scene


def test_exact_duplicates_and_files_equal_byte_for_byte(tmp_path: Path) -> None:
    images, masks = tree(tmp_path) / "images/train", tmp_path / "masks/train"
    shutil.copy(images / "a_001.png", images / "b_file.png")
    Image.open(images / "a_001.png").save(images / "b_other.bmp")  # the same pixels in another file
    for name in ("b_file.png", "b_other.png"):
        shutil.copy(masks / "a_001.png", masks / name)
    found = look(tmp_path)
    (group,) = found.groups
    assert [Path(member.name).name for member in group.members] == ["a_001.png", "b_file.png", "b_other.bmp"]
    assert [member.exact for member in group.members] == [False, True, True]
    assert [member.same_file for member in group.members] == [False, True, False]
    assert (found.pool.exact_repeats, found.pool.near_repeats) == (2, 0)
    assert found.problems == (
        Problem("duplicates", "2 images of the pool repeat another image exactly (1 of them byte for byte)."),
    )
    # Eight images of six kinds: 1 - 6 / 8; the scenes are not alike.
    assert found.redundancy == pytest.approx(0.25, abs=0.01)
    assert found.distinct == pytest.approx(6, abs=0.1)


CHANGES = {
    "resized": lambda image: image.resize((100, 75), Image.Resampling.BILINEAR),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.5),
    "coloured": lambda image: ImageEnhance.Color(image).enhance(1.3),
}


@pytest.mark.parametrize("change", [*CHANGES, "jpeg"])
def test_near_duplicates_in_pool_and_across_are_found(tmp_path: Path, change: str) -> None:
    tree(tmp_path)
    for side, number in (("train", 2), ("test", 4)):
        image = CHANGES.get(change, lambda image: image)(Image.open(tmp_path / f"images/train/a_{number:03d}.png"))
        image.save(tmp_path / f"images/{side}/z.{'jpg' if change == 'jpeg' else 'png'}", quality=40)
    found = look(tmp_path, masks=False)
    (group,), (leak,) = found.groups, found.leaks
    assert [Path(member.name).stem for member in group.members] == ["a_002", "z"]
    assert group.members[1].similarity > 0.8
    assert (Path(leak.test.name).stem, Path(leak.pool.name).stem) == ("z", "a_004")
    assert not leak.test.exact
    assert kinds(found) == ["leakage", "near-duplicates"]
    assert found.fails


def test_leakage_pixel_for_pixel_and_other_classes(tmp_path: Path) -> None:
    for side, first in (("train", 0), ("test", 50)):
        for number, name in enumerate(("cat", "dog")):
            (tmp_path / side / name).mkdir(parents=True)
            for k in range(3):
                Image.fromarray(scene(first + 10 * number + k)).save(tmp_path / side / name / f"{k}.png")
    shutil.copy(tmp_path / "train/cat/0.png", tmp_path / "test/dog/9.png")
    shutil.copy(tmp_path / "train/dog/1.png", tmp_path / "train/dog/9.png")
    found = audit(ImageFolder(root=str(tmp_path), size=None), "pets", workers=0)
    (leak,) = found.leaks
    assert leak.test.exact
    assert leak.test.same_file
    assert leak.classes == ("cat", "dog")
    assert (leak.test.name, leak.pool.name) == ("test/dog/9.png", "train/cat/0.png")
    assert kinds(found) == ["leakage", "duplicates", "labels"]
    assert found.problems[0].text == "1 test image is in the pool too, pixel for pixel."
    assert [(one.name, one.pool_images, one.test_images) for one in found.classes] == [("cat", 3, 3), ("dog", 4, 4)]
    assert not found.per_pixel


def test_flat_images_are_compared_for_equality_alone(tmp_path: Path) -> None:
    for number, level in enumerate((10, 10, 11, 250)):
        Image.new("RGB", (32, 32), (level,) * 3).save(tmp_path / f"{number}.png")
    found = audit(AuditFolder(tmp_path), workers=0)
    assert [[member.index for member in group.members] for group in found.groups] == [[0, 1]]
    assert found.distinct == 3
    assert found.redundancy == 0.25
