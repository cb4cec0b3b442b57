"""Label Studio's run lengths of bits, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from al_lightning.labels.shapes.brush import decode_brush, encode_brush
from al_lightning.labels.untrusted import Malformed
from tests.support.errors import raises

bits = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def test_a_brush_worked_out_by_hand() -> None:
    # Two pixels, the first painted: 8 values of 8 bits; sizes 3, 4, 8, 16; four times 255, four times 0.
    #   00000000 00000000 00000000 00001000  00111  0010 0011 0111 1111  1 00 011 11111111  1 00 011 00000000
    packed = [0, 0, 0, 8, 0b00111001, 0b00011011, 0b11111100, 0b01111111, 0b11110001, 0b10000000, 0]
    mask = np.array([[True, False]])
    assert encode_brush(mask) == packed
    assert (decode_brush(packed, 2, 1) == mask).all()


def test_a_brush_of_single_values_as_a_browser_writes_it() -> None:
    # Two pixels, red, green, blue and alpha: the first is transparent, whatever its colour; a run of eight values.
    values = (7, 0, 9, 0, 0, 0, 0, 130)
    text = f"{8:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + f"0{0:02b}{7:03b}"
    text += "".join(f"{value:08b}" for value in values)
    text += "0" * (-len(text) % 8)
    packed = [int(text[place : place + 8], 2) for place in range(0, len(text), 8)]
    assert decode_brush(packed, 2, 1).tolist() == [[False, True]]


@given(bits)
def test_a_brush_comes_back(mask: np.ndarray) -> None:
    packed = encode_brush(mask)
    assert all(0 <= value <= 255 for value in packed)
    assert (decode_brush(packed, mask.shape[1], mask.shape[0]) == mask).all()


def test_a_long_run_is_split() -> None:
    mask = np.zeros((300, 400), bool)  # 480,000 values, seven runs of at most 65,536 and what is left
    mask[-1, -1] = True
    assert (decode_brush(encode_brush(mask), 400, 300) == mask).all()


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda rle: rle[:8], ["run lengths end"]),
        (lambda rle: rle[:2], ["run lengths end"]),
        (lambda rle: [0, 0, 0, 4, *rle[4:]], [4, "2 x 1", 8]),
        (lambda rle: [127, 255, 255, 255, *rle[4:]], [2**31 - 1]),
        (lambda rle: [*rle[:4], 0b01111001, *rle[5:]], ["16 bits", 8]),
        (lambda rle: [*rle[:6], 0b11111110, 0b11111111, 0b11111111, 255, 255], ["beyond the image"]),
        (lambda rle: rle * 50, ["2 x 1"]),
        (lambda rle: [*rle[:-1], 256], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], -1], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], True], ["`rle`", "0 to 255"]),
        (lambda rle: [*rle[:-1], "0"], ["`rle`", "0 to 255"]),
        (lambda rle: "0,0,0,8", ["`rle`", "list"]),
        (lambda rle: None, ["`rle`", "list"]),
    ],
)
def test_a_broken_brush_is_said(change, facts: list[object]) -> None:
    with raises(Malformed, *facts):
        decode_brush(change(encode_brush(np.array([[True, False]]))), 2, 1)
