"""Images and masks in two folders."""

from pathlib import Path

from al_lightning.data.mask_folders import first_shared, mask_folders, mask_of


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_masks_are_found_by_name_in_either_case(tmp_path: Path) -> None:
    touch(tmp_path, "m/a.png", "m/b.PNG")
    assert [mask_of(tmp_path / "m", Path(name)).name for name in ("a.jpg", "b.jpg", "c.jpg")] == [
        "a.png", "b.PNG", "c.png",
    ]  # fmt: skip


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
