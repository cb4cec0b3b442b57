"""The EXIF orientation: what the standard says, for every format that has one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from al_lightning.data.images import read_image
from al_lightning.exif import ORIENTATION, orientation_of, turned

SIDES = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left", 5: "left top", 6: "right top"}
SIDES |= {7: "right bottom", 8: "left bottom"}
"""By orientation: the sides of the upright view at which the stored pixels' first row and first column lie."""
FORMATS = ["png", "tif", "jpg", *(["webp"] if features.check("webp") else [])]


def as_the_standard_says(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The upright view, pixel by pixel."""
    row_side, column_side = SIDES[orientation].split()
    exchanged = row_side in ("left", "right")
    height, width = stored.shape[:2][::-1] if exchanged else stored.shape[:2]
    upright = np.zeros((height, width, *stored.shape[2:]), stored.dtype)
    for row in range(stored.shape[0]):
        for column in range(stored.shape[1]):
            y, x = (column, row) if exchanged else (row, column)
            y = height - 1 - y if "bottom" in (row_side, column_side) else y
            x = width - 1 - x if "right" in (row_side, column_side) else x
            upright[y, x] = stored[row, column]
    return upright


def write(path: Path, pixels: np.ndarray, orientation: int) -> Path:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if path.suffix == ".webp" else {"quality": 100, "subsampling": 0}
    Image.fromarray(pixels).save(path, exif=exif, **(options if path.suffix in (".webp", ".jpg") else {}))
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("orientation", SIDES)
def test_images_are_read_as_the_standard_shows_them(tmp_path: Path, form: str, orientation: int) -> None:
    stored = np.kron(np.random.default_rng(0).integers(0, 255, (2, 3, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
    path = write(tmp_path / f"a.{form}", stored, orientation)
    with Image.open(path) as image:
        assert orientation_of(image) == orientation
    upright = as_the_standard_says(stored, orientation)
    assert read_image(path).shape == upright.shape
    assert np.abs(read_image(path).astype(int) - upright).max() <= (4 if form == "jpg" else 0)
    label = Image.fromarray(stored[..., 0])
    assert np.array_equal(np.asarray(turned(label, orientation)), as_the_standard_says(stored[..., 0], orientation))


@pytest.mark.parametrize("value", [0, 9, 300])
def test_a_number_that_is_none_turns_nothing(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (4, 6, 3)


def test_damaged_exif_data_turn_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", np.zeros((4, 6, 3), np.uint8), 6)
    content = (tmp_path / "a.jpg").read_bytes()
    place = content.index(b"Exif\0\0") + 6
    (tmp_path / "b.jpg").write_bytes(content[:place] + b"\xff" * 8 + content[place + 8 :])
    assert read_image(tmp_path / "b.jpg").shape == (4, 6, 3)
