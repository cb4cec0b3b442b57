"""Limits of a batch: at most so many images of a group, and a least distance in time; which rows they leave open."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.types import Limits, SelectionInputs


class Allowed:
    """The rows that a batch may still take, as it grows.

    Where no row is left within the limits and the batch is not full, they are loosened, so that a budget can always be
    spent: twice as many rows of each group, and half the distance in time, as often as it takes.

    Args:
        rows: the input of `select`, with or without limits.

    Attributes:
        open: (N,) bool, rows that may be chosen now: unlabelled, not chosen yet, and within the limits.
        factor: 1, or by how much the limits were loosened.
    """

    def __init__(self, rows: SelectionInputs) -> None:
        self.limits = rows.limits
        self.free = ~rows.labelled
        self.taken: list[int] = []
        self.factor = 1
        self.open = self._open()

    def take(self, row: int) -> None:
        """Add a row to the batch."""
        self.free = self.free.clone()
        self.free[row] = False
        self.taken.append(row)
        if self.limits is None:
            self.open = self.free
        else:
            self.open = self.open & self.free & ~self._closed_by(self.limits, row)
            if not bool(self.open.any()) and bool(self.free.any()):
                self.open = self._open()

    def _open(self) -> Tensor:
        """Return the open rows, with limits that are as loose as they have to be."""
        if self.limits is None or not bool(self.free.any()):
            return self.free
        while True:
            is_open = self.free
            if gap := self.limits.gap // self.factor:
                is_open = is_open & (self.limits.nearest >= gap)
            for row in self.taken:
                is_open = is_open & ~self._closed_by(self.limits, row)
            if bool(is_open.any()):
                return is_open
            self.factor *= 2

    def _closed_by(self, limits: Limits, row: int) -> Tensor:
        """Return the rows that a row of the batch closes, (N,) bool."""
        closed = torch.zeros(len(self.free), dtype=torch.bool)
        for group, most in zip(limits.group, limits.most, strict=True):
            number = int(group[row])
            same = group == number
            if number >= 0 and int(same[self.taken].sum()) >= most * self.factor:
                closed |= same
        if gap := limits.gap // self.factor:
            same = limits.sequence == limits.sequence[row]
            closed |= same & ((limits.frame - limits.frame[row]).abs() < gap)
        return closed
