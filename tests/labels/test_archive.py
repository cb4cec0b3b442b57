"""Zip files as Windows, macOS and labelling tools make them."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest

from al_lightning.errors import DatasetError
from al_lightning.labels.archive import Archive
from al_lightning.labels.project import Project, write_project
from al_lightning.labels.untrusted import Malformed
from tests.support.errors import raises, refused
from tests.support.label_exports import COLOURS, HEIGHT, MAP, MASK, WIDTH, Call, cvat_xml, masks_of, png, store, zipped


def raw(path: Path, names: list[bytes]) -> Path:
    """A zip file whose names are these bytes, without the mark of UTF-8."""
    stand_ins = {chr(ord("A") + number) * len(name): name for number, name in enumerate(names)}
    zipped(path, dict.fromkeys(stand_ins, b"x"))
    made = path.read_bytes()
    for stand_in, name in stand_ins.items():
        assert made.count(stand_in.encode()) == 2  # before the file, and in the directory
        made = made.replace(stand_in.encode(), name)
    path.write_bytes(made)
    return path


def names_of(path: Path) -> list[str]:
    archive = Archive(path)
    archive.close()
    return archive.names


def test_backslashes_are_slashes(tmp_path: Path) -> None:
    names = [b"export\\masks\\one.png", b"export\\", b"export/two.png", b".\\three.png"]
    assert names_of(raw(tmp_path / "x.zip", names)) == ["export/masks/one.png", "export/two.png", "three.png"]
    archive = Archive(tmp_path / "x.zip")
    assert archive.read("export/masks/one.png", 10) == b"x"
    archive.close()


@pytest.mark.parametrize(
    "name",
    [
        "..\\x.png",
        "a\\..\\..\\x.png",
        "a/..\\x.png",
        "\\x.png",
        "\\\\host\\x.png",
        "C:\\x.png",
        "c:x.png",
        "/x",
        "../x",
    ],
)
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    with raises(Malformed, "leads out", "nothing of it was read"):
        Archive(raw(tmp_path / "x.zip", [name.encode()]))


def test_a_name_twice_is_found_however_it_is_written(tmp_path: Path) -> None:
    with raises(Malformed, "'a/b'", "twice"):
        Archive(raw(tmp_path / "x.zip", [b"a/b", b"a\\b"]))


def test_names_are_in_utf_8_or_in_the_code_page_of_dos(tmp_path: Path) -> None:
    name = "caf\u00e9/\u00fc \u00df.png"
    assert names_of(zipped(tmp_path / "marked.zip", {name: b""})) == [name]
    assert names_of(raw(tmp_path / "windows.zip", [name.encode("cp437")])) == [name]
    decomposed = unicodedata.normalize("NFD", name)
    assert names_of(raw(tmp_path / "macos.zip", [decomposed.encode()])) == [decomposed]


def test_what_systems_add_is_left_out(tmp_path: Path) -> None:
    clutter = [b"__MACOSX/._one.png", b"a/Thumbs.db", b"a/thumbs.db", b"Desktop.ini", b".DS_Store", b"a\\.h\\x.png"]
    assert names_of(raw(tmp_path / "x.zip", [*clutter, b"a/one.png"])) == ["a/one.png"]


def test_masks_and_annotations_zipped_on_windows_are_read(al: Call, pixel_run: Path, here: Path) -> None:
    labels = masks_of()
    files = {"export/annotations.xml": cvat_xml(labels).encode(), "export/Thumbs.db": b"\0", "__MACOSX/export/x": b"\0"}
    made = zipped(here / "cvat.zip", files)
    made.write_bytes(made.read_bytes().replace(b"export/", b"export\\"))
    answer = al("labels", "import", pixel_run, made)
    assert answer.code == 0, answer.err
    assert (store(pixel_run).mask("two.png") == labels[2]).all()
    colours = png(np.full((HEIGHT, WIDTH, 3), (1, 2, 3), np.uint8))
    made = zipped(here / "masks.zip", {"task/labelmap.txt": MAP, f"task/{MASK}": colours})
    made.write_bytes(made.read_bytes().replace(b"task/", b"task\\").replace(b"Class/", b"Class\\"))
    answer = al("labels", "import", pixel_run, made)
    assert answer.code == 0, answer.err
    assert (store(pixel_run).mask("two.png") == 0).all()


def test_a_zipped_folder_of_class_folders_is_read_from_inside(al: Call, image_run: Path, here: Path) -> None:
    made = raw(here / "done.zip", [b"done\\car\\0001_a__one.jpg", b"done\\sky\\0003_two.png", b"done\\Thumbs.db"])
    answer = al("labels", "import", image_run, made)
    assert answer.code == 0, answer.err
    assert "'done/'" in answer.err
    assert [store(image_run).image_class(name) for name in ("a/one.jpg", "two.png")] == [1, 0]
    wrong = al("labels", "import", image_run, raw(here / "done.zip", [b"cra\\0001_a__one.jpg", b"cra\\0003_two.png"]))
    assert refused(wrong, DatasetError, "'cra'", "'car'")


def test_a_class_folder_zipped_on_windows_or_macos_is_its_class(al: Call, here: Path) -> None:
    name, run = "caf\u00e9", here / "run"
    write_project(run, Project("image", (name, "bar"), COLOURS[:2], "data", "labels", {"x.png": (8, 6)}, None))
    for encoded in (name.encode("cp437"), unicodedata.normalize("NFD", name).encode(), name.encode()):
        made = raw(here / "x.zip", [encoded + b"/x.png", encoded + b"/y.txt"])
        answer = al("labels", "import", run, made, "--dry-run")
        assert (answer.code, "1 image labelled" in answer.out) == (0, True), answer.err


def test_an_empty_zip_file_is_a_sentence(al: Call, image_run: Path, here: Path) -> None:
    zipfile.ZipFile(here / "x.zip", "w").close()
    assert refused(al("labels", "import", image_run, here / "x.zip"), DatasetError, "x.zip")
    (here / "empty").mkdir()
    assert refused(al("labels", "import", image_run, here / "empty"), DatasetError, "empty")
