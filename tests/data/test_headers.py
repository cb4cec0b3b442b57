"""Headers of image files: sizes, and what cannot be used, without decoding."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from al_lightning.data.headers import ENDINGS, Header, read_header
from al_lightning.data.images import read_image
from al_lightning.data.masks import label_table, read_mask
from al_lightning.errors import DatasetError, MissingFile, SeveralImages, SizesDiffer, TooManyPixels
from al_lightning.exif import ORIENTATION
from tests.support.errors import raises
from tests.support.odd_images import noise, photograph, several

STACKS = ["a.tif", "a.gif", "a.png", *(["a.webp"] if features.check("webp") else [])]


@pytest.mark.parametrize("name", STACKS)
def test_a_file_of_several_images_is_refused_and_one_of_a_single_image_is_read(tmp_path: Path, name: str) -> None:
    path = several(tmp_path / name)
    for read in (read_header, read_image):
        with raises(SeveralImages, path, "several images", "split it"):
            read(path)
    assert read_image(several(tmp_path / f"one{path.suffix}", 1)).shape == (24, 32, 3)
    path.rename(tmp_path / "other.jpg")  # the content decides, not the ending
    with raises(SeveralImages, tmp_path / "other.jpg"):
        read_image(tmp_path / "other.jpg")


def test_a_label_of_several_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    first, second = (Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (0, 1))
    first.save(path, save_all=True, append_images=[second])
    with raises(SeveralImages, "label", path):
        read_mask(path, label_table(2, None))


def test_smaller_copies_and_previews_in_a_file_are_no_further_images(tmp_path: Path) -> None:
    first, small = Image.fromarray(noise(0)), Image.fromarray(noise(0)[::2, ::2])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    first.save(tmp_path / "overview.tif", save_all=True, append_images=[small])
    with Image.open(tmp_path / "overview.tif") as image:
        image.seek(1)
        assert image.tag_v2[254] == 1
    first.save(tmp_path / "preview.jpg", "MPO", save_all=True, append_images=[small])
    with Image.open(tmp_path / "preview.jpg") as image:
        assert image.n_frames == 2
    for name in ("overview.tif", "preview.jpg"):
        assert read_header(tmp_path / name) == Header((24, 32), 1)
        assert read_image(tmp_path / name).shape == (24, 32, 3)


@pytest.mark.parametrize("form", ["jpg", "png", "tif"])
def test_sizes_are_those_that_viewers_show(tmp_path: Path, form: str) -> None:
    for orientation in range(1, 9):
        header = read_header(photograph(tmp_path / f"{orientation}.{form}", noise(0), orientation))
        assert (header.size, header.orientation) == ((24, 32), orientation)
        assert header.stored == ((32, 24) if orientation > 4 else (24, 32))
        assert header.unclear == (orientation in (2, 3, 4))
    assert read_header(photograph(tmp_path / f"square.{form}", noise(0, 8, 8), 6)).unclear


@pytest.mark.parametrize("form", ["jpg", "png", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_label_lies_on_the_upright_view_whichever_view_it_was_drawn_on(
    tmp_path: Path, form: str, orientation: int
) -> None:
    path = photograph(tmp_path / f"a.{form}", noise(0), orientation)
    upright = np.arange(24 * 32).reshape(24, 32) % 7
    Image.fromarray(upright.astype(np.uint8)).save(tmp_path / "a_mask.png")
    assert np.array_equal(read_mask(tmp_path / "a_mask.png", label_table(7, None), None, path), upright)
    if orientation > 4:
        photograph(tmp_path / "stored.png", upright.astype(np.uint8), orientation)
        stored = Image.open(tmp_path / "stored.png")
        stored.load()
        Image.fromarray(np.asarray(stored)).save(tmp_path / "bare.png")
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        Image.fromarray(upright.astype(np.uint8)).save(tmp_path / "copied.png", exif=exif)
        assert stored.size == (24, 32)
        for name in ("stored", "bare", "copied"):  # the mark was kept, lost, or copied to a label drawn upright
            assert np.array_equal(read_mask(tmp_path / f"{name}.png", label_table(7, None), None, path), upright), name
    Image.new("L", (30, 30)).save(tmp_path / "other.png")
    facts = ["30 x 30", "24 x 32", *(["EXIF"] if orientation != 1 else []), *(["32 x 24"] if orientation > 4 else [])]
    with raises(SizesDiffer, tmp_path / "other.png", *facts):
        read_mask(tmp_path / "other.png", label_table(7, None), None, path)


def test_an_image_of_too_many_pixels_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "scan.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    for read in (read_header, read_image):
        with raises(TooManyPixels, tmp_path / "scan.jpg", 1400, "tiles"):
            read(tmp_path / "scan.jpg")


def test_files_that_cannot_be_used_are_named_by_their_headers(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "no.png").write_text("no image")
    for name, kind, *words in (
        ("deep.png", DatasetError, "8 bits"),
        ("no.png", DatasetError, "intact"),
        ("gone.png", MissingFile, "not exist"),
    ):
        with raises(kind, tmp_path / name, *words):
            read_header(tmp_path / name)


def test_formats_for_which_pillow_starts_programs_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with raises(DatasetError, tmp_path / "a.png", "cannot be read"):
        read_image(tmp_path / "a.png")
    assert {".jpg", ".jfif", ".png", ".gif", ".tiff", ".pgm"} <= ENDINGS
    assert not {".eps", ".pdf", ".heic"} & ENDINGS


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_every_ending_is_of_a_format_that_is_read(tmp_path: Path, ending: str) -> None:
    gray = ending in (".pgm", ".pbm")
    Image.fromarray(noise(0)).convert("L" if gray else "RGB").save(tmp_path / f"a{ending}")
    assert read_image(tmp_path / f"a{ending}").shape == (24, 32, 3)
