"""Limits of a batch: at most so many images of a group, and a least distance in time; which rows they leave open."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.types import SelectionInputs


class Allowed:
    """The rows that a batch may still take, as it grows.

    Where no row is left within the limits and the batch is not full, they are loosened, so that a budget can always be
    spent: twice as many rows of each group, and half the distance in time, as often as it takes.

    Args:
        rows: the input of `select`, with or without limits.

    Attributes:
        free: (N,) bool, rows that are neither labelled nor chosen.
        taken: rows of the batch, in order.
        factor: 1, or by how much the limits were loosened.
    """

    def __init__(self, rows: SelectionInputs) -> None:
        self.limits = rows.limits
        self.taken: list[int] = []
        self.factor = 1
        self.free = ~rows.labelled
        self._open = self._within()

    @property
    def open(self) -> Tensor:
        """(N,) bool, the rows that may be chosen now: unlabelled, not chosen yet, and within the limits."""
        while not bool(self._open.any()) and bool(self.free.any()):
            self.factor *= 2
            self._open = self._within()
        return self._open

    def take(self, row: int) -> None:
        """Add a row to the batch."""
        self.taken.append(row)
        self.free = self.free.clone()
        self.free[row] = False
        self._open = self._open & self.free & ~self._closed_by(row)

    def _within(self) -> Tensor:
        """Return the free rows within the limits as they are now."""
        if self.limits is None:
            return self.free
        gap = self.limits.gap // self.factor
        within = self.free & (self.limits.nearest >= gap) if gap else self.free
        for row in self.taken:
            within = within & ~self._closed_by(row)
        return within

    def _closed_by(self, row: int) -> Tensor:
        """Return the rows that a row of the batch closes, (N,) bool."""
        closed = torch.zeros(len(self.free), dtype=torch.bool)
        if self.limits is None:
            return closed
        for group, most in zip(self.limits.group, self.limits.most, strict=True):
            number = int(group[row])
            same = group == number
            if number >= 0 and int(same[self.taken].sum()) >= most * self.factor:
                closed |= same
        if gap := self.limits.gap // self.factor:
            same = self.limits.sequence == self.limits.sequence[row]
            closed |= same & ((self.limits.frame - self.limits.frame[row]).abs() < gap)
        return closed
