"""Labels of an import in little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from al_lightning.labels.store import Mask

Label = int | Mask


class PackedMask(NamedTuple):
    """A compressed mask, some hundred times smaller; two of them are equal exactly when their masks are."""

    content: bytes
    shape: tuple[int, ...]


def pack(label: Label) -> int | PackedMask:
    """Return a class as it is, or a mask compressed: an import does not hold the pixels of all images in memory."""
    if isinstance(label, int):
        return label
    return PackedMask(zlib.compress(label.tobytes(), level=1), label.shape)


def unpack(packed: int | PackedMask) -> Label:
    """Return the label that was packed; a mask is a writable array."""
    if isinstance(packed, int):
        return packed
    return np.frombuffer(bytearray(zlib.decompress(packed.content)), dtype=np.uint8).reshape(packed.shape)


class Labels(Mapping[str, Label]):
    """Labels by image name; each access unpacks the mask again."""

    def __init__(self, packed: Mapping[str, int | PackedMask]) -> None:
        self._packed = packed

    def __getitem__(self, name: str) -> Label:
        return unpack(self._packed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)
