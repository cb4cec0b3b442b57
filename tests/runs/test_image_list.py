"""A run knows its images, by name, size and content."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import UsageError
from al_lightning.runs import image_list
from al_lightning.runs.image_list import difference, read_list
from tests.support.errors import refused
from tests.support.runs import TINY, Answer, journal

Call = Callable[..., Answer]


@pytest.fixture
def pictures(al: Call, here: Path, masks: Path) -> list[object]:
    """A finished run on images that are files, each of them one of the 32."""
    options = ["fit", "--config", "mask_folder_unet_random", "--data.root", masks, "--data.classes", "[ground, box]"]
    options += ["--training.head_lr_factor", 1, "--network.width", 2, *TINY, "--data.batch_size", 4]
    options += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1, "--run_dir", "r"]
    assert al(*options).code == 0
    return options


def test_other_images_under_the_same_names_are_refused_by_name(
    al: Call, here: Path, masks: Path, pictures: list[object]
) -> None:
    path = masks / "images" / "drive0_003.png"
    before, kept = path.read_bytes(), journal(here / "r")
    assert al(*pictures).code == 0
    path.write_bytes(before[:-1] + b"x")  # as long as before
    assert refused(al(*pictures), UsageError, "images/drive0_003.png")
    path.write_bytes(before + b"x")
    assert refused(al(*pictures), UsageError, "images/drive0_003.png", len(before), len(before) + 1)
    path.write_bytes(before)
    moved = here / "moved"
    shutil.copytree(masks, moved)
    pictures[pictures.index(masks)] = moved  # the same images elsewhere
    assert al(*pictures).code == 0
    label = moved / "masks" / "drive0_003.png"
    Image.fromarray(np.zeros((32, 40), np.uint8)).save(label)  # labels are no part
    assert al(*pictures).code == 0
    assert journal(here / "r") == kept


def test_a_list_that_is_gone_or_damaged_is_made_again_and_still_compared(
    al: Call, here: Path, masks: Path, pictures: list[object]
) -> None:
    path = here / "r" / "images.json"
    whole = path.read_text()
    assert set(json.loads(whole)["sizes"]) == {f"images/{image.name}" for image in (masks / "images").iterdir()}
    for text in (None, "{", whole.replace("drive0", "drive5"), "[" * 30_000):
        path.unlink() if text is None else path.write_text(text)
        answer = al(*pictures)
        assert (answer.code, path.read_text()) == (0, whole)
        assert ("images.json" in answer.err) == (text is not None)
    path.unlink()
    (masks / "images" / "drive0_003.png").write_bytes(b"")
    assert refused(al(*pictures), UsageError, "r holds", "other images", "--run_dir DIR")


def test_of_many_files_32_at_even_distances_are_read(tmp_path: Path) -> None:
    files = [tmp_path / f"{number:03d}.png" for number in range(100)]
    for path in files:
        path.write_text(path.name)
    found = image_list.image_list([*files, files[0], tmp_path / "no file"], tmp_path)
    assert list(found.sizes) == [path.name for path in files]
    # By hand: place k of 32 is k * 99 // 31 of 0 .. 99.
    read = sorted(found.sha256)
    assert (len(read), read[:4], read[-1]) == (32, ["000.png", "003.png", "006.png", "009.png"], "099.png")
    assert image_list.image_list(files[:1], tmp_path).sha256.keys() == {"000.png"}
    files[1].write_text("other")  # not one of those, but of another length
    assert "001.png had 7 bytes, and now has 5" in difference(found, image_list.image_list(files, tmp_path))
    files[1].unlink()
    assert (
        difference(found, image_list.image_list(files, tmp_path)) == "001.png is no longer in the pool or the test set"
    )
    assert difference(image_list.image_list(files[2:], tmp_path), found) == "000.png is new"
    (tmp_path / "list.json").write_text(found.text)
    assert read_list(tmp_path / "list.json", found.digest) == found
    assert read_list(tmp_path / "list.json", "0") is None
