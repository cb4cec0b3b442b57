"""COCO's run lengths: zeros, ones, zeros ..., down the columns of an image; as numbers, or packed into text.

Text holds, from the fourth number on, the difference to the last number but one. A character is 48 plus six bits: five
bits of the number, the lowest first, and a sixth that is set where more characters follow. The fifth bit of the last
character is the sign. https://github.com/cocodataset/cocoapi (maskApi.c, rleToString)
"""

from __future__ import annotations

import numpy as np

from al_lightning.labels.shapes.region import Bits
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, wholes

_CHARACTERS = 9
"""Of one number in text, at most."""
_TOO_MANY = "it has more run lengths than its image can need, those of length 0 included"


def encode_counts(mask: Bits) -> list[int]:
    """Return the run lengths of a mask, (H, W) bool."""
    flat = mask.T.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return [int(length) for length in np.diff(changes, prepend=0, append=len(flat))]


def unpack_counts(text: str, most: int) -> list[int]:
    """Return the run lengths in COCO's text, whose sum may be at most `most`.

    Raises:
        Malformed: the text holds no run lengths, or their sum is too large.
    """
    if len(text) > _CHARACTERS * (2 * most + 1):
        raise Malformed(_TOO_MANY)
    counts: list[int] = []
    total = number = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise Malformed(f"its run lengths hold {shown(character)}, which no run lengths do")
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << shift
        count = number + (counts[-2] if len(counts) > 2 else 0)
        total += count
        if count < 0 or total > most:
            raise Malformed("its run lengths go beyond the image")
        counts.append(count)
        number = shift = 0
    if shift:
        raise Malformed("its run lengths end too early")
    return counts


def decode_rle(value: object, width: int, height: int) -> Bits:
    """Return COCO's {"size": [height, width], "counts": numbers or text} as a mask, (height, width) bool.

    Raises:
        Malformed: the value is no such object, or has another size or sum of run lengths.
    """
    fields = mapped(value, "`segmentation`")
    size = listed(fields.get("size"), "`size` of run lengths")
    if size != [height, width]:
        raise Malformed(f"its run lengths are of size {shown(size)}; its image is [{height}, {width}] (height, width)")
    counts, most = fields.get("counts"), width * height
    if isinstance(counts, str):
        lengths = np.array(unpack_counts(counts, most), dtype=np.int64)
    elif len(numbers := listed(counts, "`counts` of run lengths")) > 2 * most + 1:
        raise Malformed(_TOO_MANY)
    else:
        lengths = wholes(numbers, "a run length", 0, most)
    if (total := int(lengths.sum())) != most:
        raise Malformed(f"its run lengths sum to {total:,} pixels; an image of {width} x {height} has {most:,}")
    mask: Bits = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(width, height).T
    return mask
