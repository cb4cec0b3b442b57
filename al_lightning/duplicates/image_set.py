"""Descriptors of the images of a set; each image is read once, when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from al_lightning.duplicates.descriptor import Array, Descriptor, Descriptors, Indices, describe
from al_lightning.duplicates.relation import Flags, compare


class DescribedImages:
    """Descriptors of a set's images, and which images are near-duplicates.

    Args:
        read: returns the image at a position, (H, W, 3) uint8.
    """

    def __init__(self, read: Callable[[int], Array]) -> None:
        self._read = read
        self._known: dict[int, Descriptor] = {}
        self._row: dict[int, int] = {}
        self._near = np.empty((0, 0), dtype=bool)

    def descriptors(self, positions: Iterable[int]) -> Descriptors:
        """Return the descriptors of the images at n positions."""
        wanted = [int(position) for position in positions]
        for position in wanted:
            if position not in self._known:
                self._known[position] = describe(self._read(position))
        return Descriptors.of([self._known[position] for position in wanted])

    def near(self, positions: Indices) -> tuple[Flags, Indices]:
        """Return which images are near-duplicates, from a table that is kept between calls.

        Returns:
            The table, (t, t) bool, and the row of each position in the table, (n,) int64.
        """
        new = [position for position in positions.tolist() if position not in self._row]
        if new:
            size = len(self._row)
            self._row.update((position, size + place) for place, position in enumerate(new))
            grown = np.empty((len(self._row),) * 2, dtype=bool)
            grown[:size, :size] = self._near
            grown[size:] = compare(self.descriptors(new), self.descriptors(self._row))[1]
            grown[:size, size:] = grown[size:, :size].T
            self._near = grown
        return self._near, np.array([self._row[position] for position in positions.tolist()], dtype=np.int64)
