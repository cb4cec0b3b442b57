"""What a folder holds, and what of it is not used."""

import os
from pathlib import Path

import pytest

from al_lightning.data.inventory import inventory_of, not_used
from al_lightning.errors import DatasetError
from tests.support.errors import raises


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names(root: Path, **options: object) -> list[str]:
    return [path.relative_to(root).as_posix() for path in inventory_of(root, **options).images]  # type: ignore[arg-type]


def test_everything_is_an_image_or_counted_by_its_reason(tmp_path: Path) -> None:
    touch(tmp_path, "a.JPG", "b/c.png", "b/d/e.jfif", "b/f.gif")
    touch(tmp_path, "b/notes.txt", "b/more.txt", "b/table.CSV", "README", "raw/x.heic")
    touch(tmp_path, "data.zip", "b/old.tar.gz", ".hidden.png", "._a.jpg", ".DS_Store", ".thumbs/t.png", ".cache/x.bin")
    touch(tmp_path, "__MACOSX/b/._c.png", "@eaDir/a.jpg/SYNO.jpg", "thumbnails/c.png", ".git/objects/x.png")
    touch(tmp_path, ".al_cache/x.png", "runs/one/cycles.jsonl", "runs/one/batches/initial/images/c.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = inventory_of(tmp_path)
    assert names(tmp_path) == ["a.JPG", "b/c.png", "b/d/e.jfif", "b/f.gif"]
    assert found.unused == {
        ".txt files": 2, ".csv files": 1, "other files": 1, ".heic files": 1, "archives": 2, "hidden images": 3,
        "images in __MACOSX": 1, "images in @eaDir": 1, "images in thumbnails": 1, "images in run directories": 1,
        "broken links": 3,
    }  # fmt: skip
    assert found.folders == {("b",), ("b", "d"), ("raw",)}
    assert names(tmp_path, keep=["thumbnails"]) == ["a.JPG", "b/c.png", "b/d/e.jfif", "b/f.gif", "thumbnails/c.png"]
    (said,) = not_used(tmp_path, found.unused)
    assert said.startswith(f"not used in {tmp_path}: broken links 3, hidden images 3, ")
    assert said.endswith(" and 3 more kinds")
    assert list(not_used(tmp_path, {"broken links": 0})) == []


def test_links_are_followed_and_a_folder_counts_once(tmp_path: Path) -> None:
    root, other = tmp_path / "root", touch(tmp_path / "other", "x/1.png", "x/2.png", "y/3.png")
    touch(root, "own/0.png")
    (root / "b").symlink_to(other / "x", target_is_directory=True)
    (root / "a").symlink_to(other, target_is_directory=True)
    (root / "file.png").symlink_to(other / "y/3.png")
    (other / "y/back").symlink_to(other, target_is_directory=True)  # a loop
    (root / "own/self").symlink_to(root, target_is_directory=True)
    (root / "own/above").symlink_to(tmp_path, target_is_directory=True)
    found = inventory_of(root)
    assert names(root) == ["a/x/1.png", "a/x/2.png", "a/y/3.png", "file.png", "own/0.png"]
    assert found.unused == {"links to folders listed already": 4}
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    assert names(tmp_path / "link") == names(root)


def test_what_lies_there_goes_before_links(tmp_path: Path) -> None:
    touch(tmp_path, "z/1.png")
    (tmp_path / "a").symlink_to(tmp_path / "z", target_is_directory=True)
    assert names(tmp_path) == ["z/1.png"]


def test_a_run_directory_that_is_named_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "cycles.jsonl", "batches/initial/images/1.png")
    assert names(tmp_path) == ["batches/initial/images/1.png"]


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    try:
        touch(tmp_path, os.fsdecode(b"caf\xe9/a.png"))
    except OSError:
        pytest.skip("this file system refuses such names itself")
    with raises(DatasetError, "caf\ufffd/a.png", r"\xe9", "UTF-8", "convmv"):
        inventory_of(tmp_path)
