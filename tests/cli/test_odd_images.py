"""Images as scanners and cameras write them, in every command that reads images, as typed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.config.experiment import dataset
from al_lightning.errors import DatasetError, LabelsAwaited
from al_lightning.labels.project import read_project
from tests.support.errors import lacking, refused
from tests.support.odd_images import noise, photograph, several
from tests.support.own_folders import CLASSES, MASKS, masked, pictures
from tests.support.runs import Answer

Call = Callable[..., Answer]


@pytest.mark.parametrize("name", ["stack.tif", "animation.gif"])
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
    said = ["8 images with an EXIF orientation", *(["masks of 8 of these fit both views"] if orientation == 3 else [])]
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
