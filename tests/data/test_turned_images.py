"""Images that viewers turn."""

from pathlib import Path

import pytest
from PIL import Image

from al_lightning.data import turned_images as module
from al_lightning.data.known_files import KnownFiles
from al_lightning.data.turned_images import turned_images
from tests.support.odd_images import noise, photograph


def test_images_that_are_turned_are_counted(tmp_path: Path) -> None:
    turned = [photograph(tmp_path / f"{number}.jpg", noise(number), number) for number in (1, 3, 6)]
    (tmp_path / "no.png").write_text("no image")
    files = [*turned, turned[1], tmp_path / "no.png", tmp_path / "gone.png"]
    of_masks, of_classes = (list(turned_images(files, KnownFiles(None, tmp_path), each)) for each in (True, False))
    assert len(of_masks) == 2
    assert of_masks[0].startswith("2 images with an EXIF orientation")
    assert of_masks[1].startswith("masks of 1 of these")
    assert len(of_classes) == 1
    assert list(turned_images(turned[:1], KnownFiles(None, tmp_path), per_pixel=True)) == []


def test_a_file_is_looked_at_again_once_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turned = [photograph(tmp_path / f"{number}.jpg", noise(number), number) for number in (3, 6)]
    first = KnownFiles(tmp_path / "known-files-a.json", tmp_path)
    found = list(turned_images(turned, first, per_pixel=True))
    first.save()
    looked: list[Path] = []
    read = module.read_header
    monkeypatch.setattr(module, "read_header", lambda path: looked.append(path) or read(path))
    assert list(turned_images(turned, KnownFiles(first.path, tmp_path), per_pixel=True)) == found
    assert looked == []
    Image.fromarray(noise(0)).resize((50, 50)).save(turned[0])
    (again,) = turned_images(turned, KnownFiles(first.path, tmp_path), per_pixel=True)
    assert again.startswith("1 image with")
    assert looked == turned[:1]
