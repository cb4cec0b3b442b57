"""What was found in files counts until a file changes; where it cannot be kept or read, that costs only time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from al_lightning.data.known_files import MOST_FILES, NAME, KnownFiles, stamp_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "a.png"
    path.write_text("one")
    return path


def kept(tmp_path: Path, file: Path) -> KnownFiles:
    known = KnownFiles(tmp_path / "known.json", file.parent)
    known.keep(str(file), stamp_of([file]), {"7": 3})
    known.save()
    return KnownFiles(tmp_path / "known.json", file.parent)


def test_it_counts_while_size_and_time_are_the_same(tmp_path: Path, file: Path) -> None:
    known = kept(tmp_path, file)
    assert known.find(str(file), stamp_of([file])) == {"7": 3}
    assert known.find(f"{file} of another name", stamp_of([file])) is None
    status = file.stat()
    file.write_text("two")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert known.find(str(file), stamp_of([file])) is None
    file.write_text("three")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert known.find(str(file), stamp_of([file])) is None
    assert known.find(str(file), stamp_of([file, file])) is None


def test_data_may_be_moved(tmp_path: Path, file: Path) -> None:
    kept(tmp_path, file)
    moved = file.parent.rename(tmp_path / "moved") / file.name
    assert KnownFiles(tmp_path / "known.json", moved.parent).find(str(moved), stamp_of([moved])) == {"7": 3}


@pytest.mark.parametrize("content", ["", "{}", "no json\nabc\n", "cut"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, file: Path, content: str) -> None:
    kept(tmp_path, file)
    path = tmp_path / "known.json"
    path.write_text(path.read_text()[:-9] if content == "cut" else content)
    known = KnownFiles(path, file.parent)
    assert known.find(str(file), stamp_of([file])) is None
    assert kept(tmp_path, file).find(str(file), stamp_of([file])) == {"7": 3}


def test_what_nobody_asks_for_is_dropped(tmp_path: Path, file: Path) -> None:
    known = kept(tmp_path, file)
    other = file.with_name("b.png")
    other.write_text("b")
    known.keep(str(other), stamp_of([other]), [1])
    known.save()
    known = KnownFiles(tmp_path / "known.json", file.parent)
    assert known.find(str(file), stamp_of([file])) is None
    assert known.find(str(other), stamp_of([other])) == [1]


def test_a_folder_keeps_a_few_such_files_and_one_that_cannot_be_written_to_none(tmp_path: Path, file: Path) -> None:
    for number in range(MOST_FILES + 3):
        known = KnownFiles(tmp_path / "cache" / NAME.format(number), file.parent)
        known.keep(str(file), stamp_of([file]), number)
        known.save()
        os.utime(tmp_path / "cache" / NAME.format(number), ns=(number, number))
    (tmp_path / "cache" / "mine.json").write_text("{}")
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {"mine.json", *(NAME.format(number) for number in range(3, MOST_FILES + 3))}
    (tmp_path / "in_the_way").write_text("")
    known = KnownFiles(tmp_path / "in_the_way" / "known.json", file.parent)
    known.keep(str(file), stamp_of([file]), 1)
    known.save()
    KnownFiles(None, file.parent).save()
