"""Masks of 0 and 255: what counts as such, and how few masks are read to tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.data import binary_masks
from al_lightning.data.binary_masks import are_binary, binary_table
from al_lightning.data.known_files import KnownFiles


def write(folder: Path, *masks: object) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number, mask in enumerate(masks):
        paths.append(folder / f"{number:03d}.png")
        Image.fromarray(np.asarray(mask, np.uint8)).save(paths[-1])
    return paths


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ([[[0, 255]]], True),
        ([[[0, 0]], [[255, 255]]], True),
        ([[[0, 0]], [[0, 0]]], False),  # background alone
        ([[[255, 255]]], False),  # nothing but what may be ignored
        ([[[0, 1]], [[0, 255]]], False),
        ([[[0, 255]], [[0, 254]]], False),
        ([], False),
    ],
)
def test_both_ids_and_no_other(tmp_path: Path, masks: list[object], expected: bool) -> None:
    assert are_binary(write(tmp_path, *masks), KnownFiles(None, tmp_path)) is expected


def test_masks_that_are_not_there_or_cannot_be_read_do_not_count(tmp_path: Path) -> None:
    paths = write(tmp_path, [[0, 255]])
    (tmp_path / "broken.png").write_bytes(paths[0].read_bytes()[:40])
    Image.new("RGB", (2, 1), (1, 2, 3)).save(tmp_path / "colours.png")
    paths += [tmp_path / name for name in ("broken.png", "colours.png", "none.png")]
    assert are_binary(paths, KnownFiles(None, tmp_path))
    assert not are_binary(paths[1:], KnownFiles(None, tmp_path))


def test_a_known_mask_is_not_read_again_and_another_id_ends_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = binary_masks.read_ids
    monkeypatch.setattr(binary_masks, "read_ids", lambda path: (read.append(path), real(path))[1])
    monkeypatch.setattr(binary_masks, "_CHUNK", 2)
    paths = write(tmp_path / "masks", *[[[0, 255]]] * 5)
    known = KnownFiles(tmp_path / "known.json", tmp_path)
    assert are_binary(paths, known)
    assert sorted(read) == paths
    known.save()
    read.clear()
    known = KnownFiles(tmp_path / "known.json", tmp_path)
    assert are_binary(paths, known)
    assert read == []
    paths = write(tmp_path / "others", *[[[0, 1]]] * 5)
    assert not are_binary(paths, KnownFiles(None, tmp_path))
    assert paths[0] in read
    assert set(read) <= set(paths[:2])


def test_the_table_has_two_classes_and_unknown_ids() -> None:
    table = binary_table()
    assert (table[0], table[255]) == (0, 1)
    assert set(table[1:255].tolist()) == {254}
