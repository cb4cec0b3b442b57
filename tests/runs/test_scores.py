"""What a selection saw: rows are kept, sampled and read again."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from al_lightning.runs import scores as rows_module
from al_lightning.runs.scores import SeenRows, read_rows, write_rows
from tests.support.errors import raises


def test_rows_are_kept_whole(tmp_path):
    value = np.arange(12, dtype=np.float32).reshape(1, 4, 3)
    labelled = np.array([False, True, False, False])
    with (tmp_path / "rows.npz").open("wb") as file:
        write_rows(file, SeenRows(np.array([2, 3, 5, 8]), labelled, value), [8, 2])
    kept = np.load(tmp_path / "rows.npz")
    assert kept["index"].tolist() == [2, 3, 5, 8]
    assert kept["labelled"].tolist() == labelled.tolist()
    assert np.array_equal(kept["value"], value)
    assert kept["chosen"].tolist() == [8, 2]


def test_of_large_rows_a_sample_is_kept_with_all_that_were_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "LARGEST", 40)
    value = np.arange(200, dtype=np.float32).reshape(1, 100, 2)
    with (tmp_path / "rows.npz").open("wb") as file:
        write_rows(file, SeenRows(np.arange(100), np.zeros(100, dtype=bool), value), [17, 3, 99])
    kept = np.load(tmp_path / "rows.npz")
    assert {3, 17, 99} <= set(kept["index"].tolist())
    assert 17 <= len(kept["index"]) <= 20
    assert kept["value"].size <= 40
    assert np.array_equal(kept["value"][0, :, 0], 2.0 * kept["index"])
    assert (np.diff(kept["index"]) > 0).all()
    assert kept["chosen"].tolist() == [17, 3, 99]


def rows_of(**changes: np.ndarray) -> bytes:
    """A file of rows with some arrays replaced."""
    file = io.BytesIO()
    arrays = {
        "index": np.array([0, 2, 5]),
        "labelled": np.zeros(3, bool),
        "value": np.zeros((1, 3, 1), np.float32),
        "chosen": np.array([2]),
    }
    np.savez(file, **{**arrays, **changes})
    return file.getvalue()


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"index": np.array([-1, 2, 5])}, "positions"),
        ({"index": np.array([0, 2, 6])}, "positions"),
        ({"index": np.array([2, 0, 5])}, "positions"),
        ({"index": np.array([2, 2, 5])}, "positions"),
        ({"index": np.array([0.0, 2, 5])}, "arrays"),
        ({"labelled": np.zeros(2, bool)}, "arrays"),
        ({"value": np.zeros((1, 2, 1), np.float32)}, "arrays"),
        ({"value": np.zeros(3, np.float32)}, "arrays"),
        ({"value": np.array([["a"]], dtype=object)}, "Object arrays"),
    ],
    ids=range(9),
)
def test_rows_that_are_none_are_refused(tmp_path: Path, changes: dict[str, np.ndarray], fact: str) -> None:
    path = tmp_path / "rows.npz"
    path.write_bytes(rows_of())
    assert read_rows(path, 6).index.tolist() == [0, 2, 5]
    path.write_bytes(rows_of(**changes))
    with raises(ValueError, fact):
        read_rows(path, 6)


def test_rows_unpack_to_no_more_than_their_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez_compressed(
        path, index=np.arange(1 << 22), labelled=np.zeros(1 << 22, bool), value=np.zeros((1, 1 << 22, 1), "f4")
    )
    tracemalloc.start()
    try:
        with raises(ValueError, "compressed"):
            read_rows(path, 1 << 22)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1, 1 << 40, 1)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("index", "labelled", "value"):
            archive.writestr(f"{name}.npy", file.getvalue())
    with raises(ValueError, "no file of rows"):
        read_rows(path, 6)
