"""Lists of images, as editors and tables save them."""

from pathlib import Path

import pytest

from al_lightning.data.datasets.official import lines_of, paths_of
from al_lightning.errors import DatasetError
from tests.support.errors import raises

TEXT = "images/ä.png masks/ä.png\n\n  images/b.png masks/b.png  \n"
LINES = [(1, "images/ä.png masks/ä.png"), (3, "images/b.png masks/b.png")]


@pytest.mark.parametrize("content", [TEXT.encode(), TEXT.encode("utf-8-sig"), TEXT.replace("\n", "\r\n").encode()])
def test_a_list_in_utf_8_is_read_with_or_without_a_mark(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    assert lines_of(tmp_path / "list.txt") == LINES


@pytest.mark.parametrize(
    ("encoding", "facts"),
    [("utf-16", ["UTF-16"]), ("utf-16-be", ["UTF-8"]), ("utf-16-le", ["UTF-8"]), ("utf-32", ["UTF-32"]),
     ("latin-1", ["line 1", "UTF-8"])],
)  # fmt: skip
def test_another_encoding_is_named(tmp_path: Path, encoding: str, facts: list[str]) -> None:
    (tmp_path / "list.txt").write_bytes(TEXT.encode(encoding))
    with raises(DatasetError, tmp_path / "list.txt", "save it as UTF-8", *facts):
        lines_of(tmp_path / "list.txt")


def test_a_zero_byte_is_utf_16_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("images/a.png masks/a.png\n".encode("utf-16-le"))
    with raises(DatasetError, tmp_path / "list.txt", "UTF-16"):
        lines_of(tmp_path / "list.txt")


SPACED = ["images/f 0.png", "masks/f 0.png"]


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("a.png b.png", ["a.png", "b.png"]),
        ("a.png   b.png", ["a.png", "b.png"]),
        ("a.png,b.png", ["a.png", "b.png"]),
        ("a.png; b.png", ["a.png", "b.png"]),
        ("images/f 0.png\tmasks/f 0.png", SPACED),
        ('"images/f 0.png"\t"masks/f 0.png"', SPACED),
        ('"images/f 0.png" "masks/f 0.png"', SPACED),
        ('"images/f 0.png","masks/f 0.png"', SPACED),
        ("'images/f 0.png' 'masks/f 0.png'", SPACED),
        ('a.png "masks/f 0.png"', ["a.png", "masks/f 0.png"]),
        ("images/f 0.png,masks/f 0.png", SPACED),
        ("it's.png b.png", ["it's.png", "b.png"]),
        ("a.png", None),
        ("a.png b.png c.png", None),
        ("images/f 0.png masks/f 0.png", None),
    ],
)
def test_paths_in_a_line(line: str, paths: list[str] | None) -> None:
    assert paths_of(line, (2,), lambda reading: reading == paths) == paths


@pytest.mark.parametrize("path", ["a.png", "f 0.png", "a,b.png", "a, b.png"])
def test_a_single_path_is_the_reading_that_exists(path: str) -> None:
    assert paths_of(path, (1, 2), lambda reading: reading == [path]) == [path]
