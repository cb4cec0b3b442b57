"""Gains of coverage from kernel values: of all pairs of rows and references, or of the pairs that still matter."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from al_lightning.acquisition.functional.unit_vectors import ERROR, UnitVectors, blocks


class Cover(NamedTuple):
    """The references' coverage so far.

    Attributes:
        cover: (R,) float64, the largest kernel value with a labelled or chosen row.
        weight: (R,) float64.
        fast_cover, fast_weight: the same in float32.
        covered: (R,) float32, the product of both.
    """

    cover: Tensor
    weight: Tensor
    fast_cover: Tensor
    fast_weight: Tensor
    covered: Tensor

    @classmethod
    def of(cls, cover: Tensor, weight: Tensor) -> Cover:
        """Return the coverage with all that follows from it."""
        return cls(cover, weight, cover.float(), weight.float(), (cover * weight).float())


class AllPairs:
    """Kernel values exp(-(d / radius)^2) of rows and references, float32; kept where they fit into memory.

    Args:
        points: N vectors.
        references: R vectors.
        radius: the kernel's radius.
        memory: bytes that kept values may take.

    Attributes:
        error: relative error of a value that is not tiny.
        computed: number of rows whose values were computed.
    """

    def __init__(self, points: UnitVectors, references: UnitVectors, radius: float, memory: int) -> None:
        self._points, self._references, self._scale = points, references, -1 / radius**2
        # For a radius so small that float32 distances say little.
        self._precise = ERROR[torch.float32] / radius**2 > 1e-4
        self.error = ERROR[torch.float64 if self._precise else torch.float32] / radius**2 + 2.0**-19
        self.computed = 0
        self.kept: Tensor | None = None
        if 4 * len(points) * len(references) <= memory:
            self.kept = torch.empty(len(points), len(references))
            self._has = torch.zeros(len(points), dtype=torch.bool)

    def values(self, rows: Tensor) -> Tensor:
        """Return (n, R) float32."""
        if self.kept is None:
            return self._compute(rows)
        missing = rows[~self._has[rows]]
        if len(missing):
            self.kept[missing] = self._compute(missing)
            self._has[missing] = True
        return self.kept[rows]

    def _compute(self, rows: Tensor) -> Tensor:
        self.computed += len(rows)
        square = (self._points.squares if self._precise else self._points.fast_squares)(rows, self._references)
        return square.mul_(self._scale).float().exp_()

    def exact(self, rows: Tensor, references: Tensor) -> Tensor:
        """Return values of rows with some references, (n, m) float64."""
        return self._points.squares(rows, self._references.subset(references)).mul_(self._scale).exp_()

    def gains(self, rows: Tensor, by: Cover) -> tuple[Tensor, Tensor]:
        """Return gains, and the sums of the weighted kernel values that are above the cover, (n,) float64 each."""
        above = self.values(rows).sub_(by.fast_cover) if self.kept is None else self.values(rows) - by.fast_cover
        gain = (above.clamp_(min=0) @ by.fast_weight).double()
        return gain, gain + (above.sign_() @ by.covered).double()

    def above(self, rows: Tensor, by: Cover) -> Tensor:
        """Return which values may be above the cover, (n, R) bool."""
        return self.values(rows) > by.fast_cover * (1 - 2 * self.error)


class ActivePairs:
    """The kernel values that are above the cover: fewer with each choice, and a value below it never counts again.

    Args:
        pairs: all pairs.
        rows: (n,) int64, the rows whose gains will be asked for.
        size: N.
        by: the coverage.
    """

    def __init__(self, pairs: AllPairs, rows: Tensor, size: int, by: Cover) -> None:
        count = torch.zeros(size + 1, dtype=torch.int64)
        places, values = [], []
        for part in blocks(rows, len(by.cover)):
            value = pairs.values(part)
            row, place = torch.nonzero(value > by.fast_cover * (1 - 2 * pairs.error), as_tuple=True)
            count[part + 1] = torch.bincount(row, minlength=len(part))
            places.append(place.int())
            values.append(value[row, place])
        self._start = count.cumsum(0)
        self._place, self._value = torch.cat(places), torch.cat(values)

    def _of(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pairs of some rows: the row's place among them, the reference, the value."""
        first = self._start[rows]
        length = self._start[rows + 1] - first
        row = torch.repeat_interleave(torch.arange(len(rows)), length)
        at = torch.arange(len(row)) + (first - length.cumsum(0) + length)[row]
        return row, self._place[at].long(), self._value[at]

    def gains(self, rows: Tensor, by: Cover) -> tuple[Tensor, Tensor]:
        """See `AllPairs.gains`."""
        row, place, value = self._of(rows)
        above = (value - by.fast_cover[place]).clamp_(min=0)
        total = torch.where(above > 0, value, 0.0).double() * by.weight[place]
        gain, nothing = above.double() * by.weight[place], torch.zeros(len(rows), dtype=torch.float64)
        return nothing.index_add(0, row, gain), nothing.index_add(0, row, total)

    def above(self, rows: Tensor, by: Cover) -> Tensor:
        """See `AllPairs.above`; what was left out is not above the cover."""
        row, place, _ = self._of(rows)
        found = torch.zeros(len(rows), len(by.cover), dtype=torch.bool)
        found[row, place] = True
        return found
