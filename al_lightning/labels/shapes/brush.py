"""Label Studio's run lengths of a brush: a stream of bits as a list of bytes, the highest bit of each first.

The stream begins with the number of values (32 bits), the bits per value less 1 (5 bits), and four sizes of a run's
length, in bits less 1 (4 bits each). Runs follow: 1 bit that is set where one value is repeated, 2 bits that choose one
of the four sizes, the length less 1, and the repeated value or as many values as the length says. The values are red,
green, blue and alpha, pixel after pixel; a pixel belongs to the brush where alpha is not 0.
https://github.com/thi-ng/umbrella (packages/rle-pack)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from al_lightning.labels.shapes.region import Bits
from al_lightning.labels.untrusted import Malformed, listed

CHANNELS = 4
SIZES = (3, 4, 8, 16)


def encode_brush(mask: Bits) -> list[int]:
    """Return a mask, (H, W) bool, as Label Studio's run lengths: bytes, 0 to 255."""
    flat = mask.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
    lengths = np.diff(starts, append=len(flat)) * CHANNELS
    bits = [f"{len(flat) * CHANNELS:032b}", f"{8 - 1:05b}", *(f"{size - 1:04b}" for size in SIZES)]
    for value, length in zip(flat[starts].tolist(), lengths.tolist(), strict=True):
        while length:
            size = next((number for number in SIZES if length <= 1 << number), SIZES[-1])
            part = min(length, 1 << size)
            bits.append(f"1{SIZES.index(size):02b}{part - 1:0{size}b}{255 if value else 0:08b}")
            length -= part
    text = "".join(bits)
    padded = text + "0" * (-len(text) % 8)
    return list(int(padded, 2).to_bytes(len(padded) // 8, "big"))


def decode_brush(values: object, width: int, height: int) -> Bits:
    """Return the pixels of a brush, (height, width) bool, given as run lengths: bytes, 0 to 255.

    Raises:
        Malformed: the values are no run lengths, or belong to an image of another size.
    """
    count = width * height * CHANNELS
    # A run of one value takes 14 bits for 8, so that no stream needs more than twice the image.
    packed = listed(values, "`rle`")
    if len(packed) > 2 * count + 64:
        raise Malformed(f"its run lengths are longer than an image of {width} x {height} can need")
    if not all(type(value) is int and 0 <= value <= 255 for value in packed):
        raise Malformed("`rle` holds something else than bytes, 0 to 255")
    stream = _Stream(bytes(packed))
    declared, word = stream.take(32), stream.take(5) + 1
    if declared != count:
        raise Malformed(
            f"its run lengths are of {declared:,} values; an image of {width} x {height} has {count:,} (4 a pixel)"
        )
    if word != 8:
        raise Malformed(f"its run lengths have {word} bits a value; 8 were expected")
    sizes = [stream.take(4) + 1 for _ in range(4)]
    out = np.zeros(count, dtype=np.uint8)
    place = 0
    while place < count:
        repeated = stream.take(1)
        length = stream.take(sizes[stream.take(2)]) + 1
        if place + length > count:
            raise Malformed("its run lengths go beyond the image")
        out[place : place + length] = stream.take(8) if repeated else stream.values(length)
        place += length
    return out.reshape(height, width, CHANNELS)[..., 3] > 0


class _Stream:
    """Bits, read in order."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def _next(self, count: int) -> bytes:
        """Return the bytes that hold the next `count` bits, and go past these bits."""
        first, self.place = self.place, self.place + count
        if self.place > 8 * len(self.data):
            raise Malformed("its run lengths end too early")
        return self.data[first >> 3 : (self.place + 7) >> 3]

    def take(self, count: int) -> int:
        """Return the next bits, at most 32, as a number."""
        number = int.from_bytes(self._next(count), "big")
        return (number >> (-self.place % 8)) & ((1 << count) - 1)

    def values(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the next `count` values of 8 bits, which may begin within a byte."""
        offset = self.place & 7
        bits = np.unpackbits(np.frombuffer(self._next(8 * count), np.uint8))
        return np.packbits(bits[offset : offset + 8 * count])
