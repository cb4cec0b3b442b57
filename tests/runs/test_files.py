"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from al_lightning.runs.files import write_atomic, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writing_makes_the_folder_and_replaces_the_content(tmp_path):
    path = tmp_path / "new" / "file"
    write_text(path, "old")
    write_text(path, "größer")
    assert path.read_bytes() == "größer".encode()
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(error, tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")

    def write(file):
        file.write(b"half of the new")
        file.flush()
        assert path.read_text() == "old", "the target is touched before the new content is whole"
        raise error

    with pytest.raises(error):
        write_atomic(path, write)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_failed_first_write_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_atomic(tmp_path / "file", lambda file: 1 / 0)
    assert names(tmp_path) == []


def test_a_power_cut_leaves_the_old_or_the_new_file(tmp_path, monkeypatch):
    """The content is on the disk before the rename, and the rename before the call returns."""
    path, synced = tmp_path / "file", []

    def sync(number):
        there = Path(os.readlink(f"/proc/self/fd/{number}"))
        synced.append(("folder" if there == tmp_path else there.read_text(), path.exists()))

    monkeypatch.setattr("os.fsync", sync)
    write_text(path, "new")
    assert synced == [("new", False), ("folder", True)]
