"""Images and masks in two folders."""

import unicodedata
from pathlib import Path

import pytest

from al_lightning.data.mask_folders import Masks, first_shared, mask_folders


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_masks_are_found_by_name_in_any_case_of_the_ending(tmp_path: Path) -> None:
    touch(tmp_path, "m/a.png", "m/a.PNG", "m/b.PNG", "m/c.Png")
    masks = Masks(tmp_path / "m")
    assert [masks.of(Path(name)).name for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")] == [
        "a.png", "b.PNG", "c.Png", "d.png",
    ]  # fmt: skip
    assert Masks(tmp_path / "none").of(Path("e/f.tif")) == tmp_path / "none/e/f.png"


@pytest.mark.parametrize(("image", "mask"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_masks_are_found_by_name_in_another_unicode_form(tmp_path: Path, image: str, mask: str) -> None:
    image, mask = (unicodedata.normalize(form, "stra\u00dfe_n\u00f6rd/caf\u00e9") for form in (image, mask))
    touch(tmp_path, f"m/{mask}.png", f"i/{image}.jpg")
    found = mask_folders(tmp_path / "i", tmp_path / "m")
    assert found.train == [(tmp_path / f"i/{image}.jpg", tmp_path / f"m/{mask}.png")]
    assert found.spare == 0


def test_folders_of_sets_are_sets_unless_one_set_is_wanted(tmp_path: Path) -> None:
    touch(tmp_path, "i/Train/a.jpg", "i/Test/b.jpg", "i/c.jpg", "i/d.heic", "m/Train/a.png", "m/old/x.png")
    found = mask_folders(tmp_path / "i", tmp_path / "m")
    assert found.train == [(tmp_path / "i/Train/a.jpg", tmp_path / "m/Train/a.png")]
    assert found.test == [(tmp_path / "i/Test/b.jpg", tmp_path / "m/Test/b.png")]
    assert found.unused == {"images beside the folders of the sets": 1, ".heic files": 1}
    sets, left, spare = found.sentences()
    assert str(tmp_path / "i/Test") in sets
    assert ".heic files 1" in left
    assert "masks without an image 1" in spare
    whole = mask_folders(tmp_path / "i", tmp_path / "m", one_set=True)
    assert (len(whole.train), whole.test) == (3, None)


def test_masks_in_the_folder_of_the_images_are_no_images(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b/c.jpg", "masks/a.png", "masks/b/c.png")
    found = mask_folders(tmp_path, tmp_path / "masks")
    assert [path.name for path, _ in found.train] == ["a.jpg", "c.jpg"]
    assert found.spare == 0


def test_two_images_of_one_name_share_a_mask(tmp_path: Path) -> None:
    touch(tmp_path, "i/a.jpg", "i/a.png", "i/b/a.png")
    pairs = mask_folders(tmp_path / "i", tmp_path / "m").train
    assert first_shared(pairs) == (tmp_path / "i/a.jpg", tmp_path / "i/a.png", tmp_path / "m/a.png")
    assert first_shared(pairs[1:]) is None
