"""Masks of 0 and 255, the commonest way to draw one object on a background: there 255 is a class, and not ignored."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from al_lightning.data.images import Array
from al_lightning.data.known_files import KnownFiles, stamp_of
from al_lightning.data.masks import read_ids
from al_lightning.errors import DatasetError

IDS = frozenset({0, 255})
_CHUNK = 64
"""Masks that are read before the ids are looked at: most datasets show another id among the first."""


def are_binary(masks: Sequence[Path], known: KnownFiles) -> bool:
    """Return whether masks hold the ids 0 and 255, both of them, and no other.

    Masks that do not exist, and masks that cannot be read, do not count. The masks are read up to the first other id,
    which most often is that of the first mask.

    Args:
        masks: label files.
        known: what was found in them before, and is found now.
    """
    seen: set[int] = set()
    for ids in _ids(masks, known):
        seen |= ids
        if not seen <= IDS:
            return False
    return seen == IDS


def _ids(masks: Sequence[Path], known: KnownFiles) -> Iterator[set[int]]:
    """Yield the ids of each mask; of unchanged ones first."""
    stamps = {mask: stamp_of([mask]) for mask in dict.fromkeys(masks)}
    found = {mask: known.find(str(mask), stamp) for mask, stamp in stamps.items()}
    yield from (set(ids) for ids in found.values() if ids is not None)
    left = iter([mask for mask, ids in found.items() if ids is None and stamps[mask] != [None]])
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow decodes without the interpreter's lock
        while chunk := list(itertools.islice(left, _CHUNK)):
            for mask, ids in zip(chunk, pool.map(_read, chunk), strict=True):
                if ids is not None:
                    known.keep(str(mask), stamps[mask], sorted(ids))
                    yield set(ids)


def _read(mask: Path) -> frozenset[int] | None:
    try:
        return read_ids(mask)
    except DatasetError:
        return None  # whoever reads the label says what is wrong with it


def binary_table() -> Array:
    """Return the (256,) uint8 class of each id: 0 is class 0, 255 is class 1, and any other id is unknown (254)."""
    table = np.full(256, 254, dtype=np.uint8)
    table[[0, 255]] = 0, 1
    return table
