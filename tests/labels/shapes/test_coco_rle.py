"""COCO's run lengths, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al_lightning.labels.shapes.coco_rle import decode_rle, encode_counts, unpack_counts
from al_lightning.labels.untrusted import Malformed
from tests.support.errors import raises
from tests.support.label_exports import pack_counts


def test_coco_run_lengths_worked_out_by_hand() -> None:
    mask = np.array([[0, 1, 1], [0, 0, 1]], bool)  # down the columns: 0 0, 1 0, 1 1
    assert encode_counts(mask) == [2, 1, 1, 2]
    assert encode_counts(~mask) == [0, 2, 1, 1, 2]
    assert pack_counts([2, 1, 1, 2]) == "2111"  # the last is the second and one more
    # 100 = 3 * 32 + 4: "T" is 4 + more, then 3. 16 needs a second character, for its highest bit is the sign.
    assert pack_counts([100, 16, 0, 15]) == "T3`00O"  # 15 - 16 = -1, which is "O"
    assert unpack_counts("T3`00O", 1000) == [100, 16, 0, 15]
    assert (decode_rle({"size": [2, 3], "counts": "2111"}, 3, 2) == mask).all()
    assert (decode_rle({"size": [2, 3], "counts": [2, 1, 1, 2]}, 3, 2) == mask).all()


bits = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(bits)
def test_coco_run_lengths_come_back(mask: np.ndarray) -> None:
    height, width = size = mask.shape
    counts = encode_counts(mask)
    assert unpack_counts(pack_counts(counts), mask.size) == counts
    assert (decode_rle({"size": list(size), "counts": counts}, width, height) == mask).all()


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        ({"size": [3, 2], "counts": [6]}, ["[3, 2]", "[2, 3]"]),
        ({"size": [3, 2] * 500, "counts": [6]}, ["[3, 2, 3, 2, 3, 2, 3, 2, ...]", "[2, 3]"]),
        ({"size": ["x" * 90] * 8, "counts": [6]}, [8, "[2, 3]"]),
        ({"size": [2, 3], "counts": [0] * 99}, ["more run lengths"]),
        ({"size": [2, 3], "counts": "0" * 999}, ["more run lengths"]),
        ({"size": [2, 3], "counts": [True] * 6}, ["run length", "True"]),
        ({"size": [2, 3], "counts": [5.0, None]}, ["run length", "None"]),
        ({"size": [2, 3], "counts": [5]}, [5, "3 x 2", 6]),
        ({"size": [2, 3], "counts": [6, 10**30]}, ["run length", "0 to 6"]),
        ({"size": [2, 3], "counts": [7, -1]}, ["run length", "7", "0 to 6"]),
        ({"size": [2, 3], "counts": ["6"]}, ["run length", "'6'"]),
        ({"size": [2, 3], "counts": [6.5]}, ["run length", "6.5"]),
        ({"size": [2, 3], "counts": [float("inf")]}, ["run length", "inf"]),
        ({"size": [2, 3], "counts": "O"}, ["beyond the image"]),
        ({"size": [2, 3], "counts": "T" * 12}, ["'T'"]),
        ({"size": [2, 3], "counts": "T"}, ["run lengths end"]),
        ({"size": [2, 3], "counts": "é"}, ["'é'"]),
        ({"size": [2, 3], "counts": None}, ["`counts`", "list"]),
        ([2, 3], ["`segmentation`", "object"]),
    ],
)
def test_broken_coco_run_lengths_are_said(value: object, facts: list[object]) -> None:
    with raises(Malformed, *facts):
        decode_rle(value, 3, 2)
