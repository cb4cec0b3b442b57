"""Exact k-center greedy: fast bounds of distances, and float64 distances only where they can change the result.

A row's distance to its nearest centre only falls as centres are added: an old distance is an upper bound. A row whose
bound is below the distance of the next choice need not be compared with new centres. Only the front, the rows with the
highest bounds, is compared with every centre. Rows are chosen from it until its largest distance falls below the bounds
of all other rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from al_lightning.acquisition.functional.precision import full_precision
from al_lightning.errors import ALError, UsageError

BLOCK = 512
"""Centres per comparison."""
WIDTH = 1024
"""Rows of the front."""
ROOM = 1 << 21
"""Numbers in a temporary tensor."""
LARGEST = 1e150
"""Largest feature: beyond it squares are infinite in float64."""


def k_center_greedy(features: Tensor, labelled: Tensor, count: int) -> tuple[list[int], list[float]]:
    """Choose rows one by one, each the farthest from all labelled and chosen rows (Sener and Savarese 2018).

    Distances are Euclidean. Rows and distances equal those of the plain algorithm in float64, to the last bit; ties go
    to the lower row. Without labelled rows, the first choice is row 0. Memory besides the features: some tens of bytes
    per row and about 200 MB.

    Args:
        features: (N, D), of any floating type.
        labelled: (N,) bool, the first centres.
        count: number of rows to choose, at most the number of unlabelled rows.

    Returns:
        (rows, distances): chosen row numbers in order, and the distance of each when it was chosen (inf without any
        centre).

    Raises:
        ALError: a feature is NaN, infinite or beyond 1e150; the message names the row.
        UsageError: `count` is larger than the number of unlabelled rows.
    """
    free = int((~labelled).sum())
    if count > free:
        raise UsageError(f"k-center was asked for {count} rows, but only {free} are unlabelled; ask for fewer.")
    with torch.no_grad(), full_precision():
        search = _Search(_Points(features), labelled)
        while len(search.chosen) < count:
            search.advance(count)
    return search.chosen, [math.sqrt(square) for square in search.squares]


class _Points:
    """Features shifted by their mean and scaled to about 1, for fast squared distances with bounded errors.

    Attributes:
        dtype: type of fast distances; changes to float64 when float32 leaves too many pairs undecided.
        scale: factor from features to points, a power of two.
    """

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self.dtype = torch.float32
        self._own = torch.promote_types(features.dtype, torch.float32)
        size, width = features.shape
        largest = min(LARGEST, torch.finfo(features.dtype).max)
        self.room = max(2, ROOM // max(width, 1))  # rows of a temporary tensor
        total, ends = torch.zeros(width, dtype=torch.float64), torch.zeros(2, width, dtype=torch.float64)
        for rows in self.parts():
            part = features[rows]
            low, high = part.amin(dim=0), part.amax(dim=0)  # six times as fast as aminmax
            if not bool(((low >= -largest) & (high <= largest)).all()):
                bad = ~(part.abs() <= largest).all(dim=1)
                row = rows.start + int(torch.nonzero(bad)[0, 0])
                raise ALError(f"Row {row} of the features is not finite; it has no distance to other rows.")
            total += part.sum(dim=0, dtype=torch.float64)
            ends = torch.maximum(ends, torch.stack([-low, high]))
        # A power of two, and a shift in the features' own type: the shift is one rounding. The squares of the scale and
        # of the points are finite.
        _, exponent = math.frexp(float(2 * ends.max()) if ends.numel() else 0.0)
        self.scale = 2.0 ** (min(450, -exponent) if self._own == torch.float64 else min(100, max(-126, -exponent)))
        self._shift = (total / max(size, 1)).to(self._own) * self.scale

    def parts(self) -> Iterator[slice]:
        """Yield all rows in slices that fit into temporary tensors."""
        return (slice(start, start + self.room) for start in range(0, len(self.features), self.room))

    def of(self, rows: Tensor | slice) -> Tensor:
        """Return the points of some rows, (n, D) of `dtype`."""
        part = self.features[rows].to(torch.promote_types(self._own, self.dtype), copy=True)
        return part.mul_(self.scale).sub_(self._shift).to(self.dtype)

    @property
    def error(self) -> tuple[float, float]:
        """Return (relative, absolute), the bounds of the error of |p|^2 - 2 p c + |c|^2.

        The error is at most relative x (|p|^2 + |c|^2) + absolute, for any order of summation. The relative part covers
        2 D roundings of the squared norms and the product, some of their sum and of the shift, and as many in float64
        of `squares`. The absolute part covers underflow.
        """
        width = self.features.shape[1]
        unit = 0.5 * torch.finfo(self.dtype).eps
        return (2 * width + 32) * (unit + 2.0**-53) * 1.01, (width + 1) * 2.0**-120

    def bounding(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points of some rows, and their squared norms reduced by the relative error."""
        at = self.of(rows)
        return at, at.square().sum(dim=1).mul_(1 - self.error[0])

    def squares(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Return squared distances of pairs of rows, (n,) float64, equal to the plain algorithm's to the last bit."""
        squares = []
        for a, b in zip(torch.split(rows, self.room), torch.split(centres, self.room), strict=True):
            square = (self.features[a].double() - self.features[b].double()).square_()
            # A single long row would be summed by several threads, in another order.
            squares.append(square.sum(dim=1) if len(square) > 1 else square.repeat(2, 1).sum(dim=1)[:1])
        return torch.cat(squares)


class _Search:
    """The state of the algorithm: rows `chosen` in order, and the squared distance of each when it was chosen."""

    def __init__(self, points: _Points, labelled: Tensor) -> None:
        size = len(points.features)
        self.points = points
        self.chosen: list[int] = []
        self.squares: list[float] = []
        known = torch.nonzero(labelled).flatten()
        # In random order, so that the first block is a fair sample.
        self._labelled = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))]
        # Squared distance to the nearest of the first `seen` centres; an upper bound if `seen` is 0; -1 for a centre.
        self._nearest = torch.full((size,), math.inf, dtype=torch.float64)
        self._nearest[known] = -1.0
        self._seen = torch.zeros(size, dtype=torch.int32)
        self._front = min(WIDTH, max(64, 4 * points.room))
        self._width = self._front
        self._bounded = size <= self._width  # the front has all rows and needs no bounds

    def advance(self, count: int) -> None:
        """Choose from the next front, up to `count` rows in all, while it has the farthest row."""
        centres = torch.cat([self._labelled, torch.tensor(self.chosen, dtype=torch.int64)])  # in the order of `seen`
        if not self._bounded and len(centres):
            self._bound(centres[:BLOCK])
        # More rows than the front: most may turn out to be nearer than their bounds.
        cutoff, boundary, rows = _highest(self._nearest, self._width)
        front = _Front(self.points, rows, self._nearest[rows], self._seen[rows])
        front.refresh(centres, cutoff)
        self._nearest[rows], self._seen[rows] = front.nearest, front.seen
        inside = torch.where(front.nearest >= cutoff, front.nearest, -1.0)  # other rows skipped some centres
        inner, first_out, places = _highest(inside, self._front)
        if inner >= cutoff:
            outside = float(rows[int(first_out)]) if first_out < math.inf else math.inf
            cutoff, boundary = inner, min(boundary, outside) if inner == cutoff else outside
        front.keep(places)
        self._choose(front, count, cutoff, boundary)
        self._nearest[front.rows] = front.nearest
        self._seen[front.rows] = len(self._labelled) + len(self.chosen)
        left = int((inside >= 0).sum())
        if left < self._front // 2:
            self._width = min(2 * self._width, max(self._front, 4 * self.points.room))
        elif left > 2 * self._front:
            self._width = max(self._width // 2, self._front)

    def _choose(self, front: _Front, count: int, cutoff: float, boundary: float) -> None:
        while len(self.chosen) < count and len(front.rows):
            place = int(front.nearest.argmax())  # the first of equals
            row, square = int(front.rows[place]), float(front.nearest[place])
            if square < max(cutoff, 0.0) or (square == cutoff and row > boundary):
                return
            self.chosen.append(row)
            self.squares.append(square)
            front.choose(place)
            if not self._bounded:
                return  # the very first centre: now bounds can be computed

    def _bound(self, centres: Tensor) -> None:
        """Compute an upper bound of each row's distance from some centres."""
        relative, absolute = self.points.error
        at = self.points.of(centres)
        norm = at.square().sum(dim=1).mul_(1 + relative)
        for rows in self.points.parts():
            own = self.points.of(rows)
            bound = torch.addmm(norm, own, at.T, alpha=-2).amin(dim=1).double()
            bound += own.square().sum(dim=1).double() * (1 + relative) + absolute
            nearest = self._nearest[rows]
            nearest.copy_(torch.where(nearest < 0, nearest, bound.clamp(min=0) / self.points.scale**2))
        self._seen.zero_()
        self._bounded = True


def _highest(values: Tensor, count: int) -> tuple[float, float, Tensor]:
    """Return (cutoff, boundary, places) of the highest values that are not negative.

    Places ascend. All other values are below `cutoff`, or equal to it and not before place `boundary`.
    """
    if int((values >= 0).sum()) <= count:
        return -math.inf, math.inf, torch.nonzero(values >= 0).flatten()
    cutoff = values.topk(count, sorted=False).values.amin()
    above, level = torch.nonzero(values > cutoff).flatten(), torch.nonzero(values == cutoff).flatten()
    room = count - len(above)
    boundary = float(level[room]) if len(level) > room else math.inf
    return float(cutoff), boundary, torch.cat([above, level[:room]]).sort().values


class _Front:
    """Rows that are compared with every centre: `rows`, (n,) ascending; `nearest` and `seen` as in `_Search`."""

    def __init__(self, points: _Points, rows: Tensor, nearest: Tensor, seen: Tensor) -> None:
        self.points = points
        self.rows = rows
        self.nearest = torch.where(seen == 0, math.inf, nearest)  # a bound is not a distance
        self.seen = seen
        self._place()

    def _place(self) -> None:
        self._at, self._norm = self.points.bounding(self.rows)
        self._limit = self._limits(slice(None))

    def _limits(self, places: Tensor | slice) -> Tensor:
        """Return an upper limit of |c|^2 - 2 c p for centres c that may be nearer than the nearest, (n,), rounded up.

        It is -inf for a chosen row and for a row that equals a centre: no centre can be nearer.
        """
        nearest = self.nearest[places]
        limit = nearest * self.points.scale**2 + self.points.error[1] - self._norm[places]
        limit = torch.nextafter(limit.to(self.points.dtype), torch.full((), math.inf, dtype=self.points.dtype))
        return torch.where(nearest > 0, limit, -math.inf)

    def refresh(self, centres: Tensor, cutoff: float) -> None:
        """Compare rows with the centres not yet seen; rows already below the cutoff are skipped."""
        for start in range(0, len(centres), BLOCK):
            block = centres[start : start + BLOCK]
            late = torch.nonzero((self.seen < start + len(block)) & (self.nearest >= cutoff)).flatten()
            for places in torch.split(late, max(1, ROOM // BLOCK)):
                if not self._compare(places, block):
                    self._place()
                    self._compare(places, block)
            self.seen[late] = start + len(block)

    def _compare(self, places: Tensor, block: Tensor) -> bool:
        """Compare rows with centres; set float64 and return False if float32 leaves too many pairs undecided."""
        at, norm = self.points.bounding(block)
        bound = torch.addmm(norm, self._at[places], at.T, alpha=-2)
        near = torch.nonzero(bound.amin(dim=1) < self._limit[places]).flatten()
        if not len(near):
            return True
        if len(near) < len(places):
            places, bound = places[near], bound[near]
        best = bound.argmin(dim=1)
        self._lower(places, block[best])
        # Other centres that may be even nearer.
        bound.scatter_(1, best[:, None], math.inf)
        near = torch.nonzero(bound.amin(dim=1) < self._limit[places]).flatten()
        row, column = torch.nonzero(bound[near] < self._limit[places[near], None], as_tuple=True)
        if len(row) > bound.numel() // 16 and self.points.dtype == torch.float32:
            self.points.dtype = torch.float64
            return False
        if len(row):
            self._lower(places[near[row]], block[column])
        return True

    def keep(self, places: Tensor) -> None:
        """Keep only these rows."""
        self.rows, self.nearest, self.seen = self.rows[places], self.nearest[places], self.seen[places]
        self._at, self._norm, self._limit = self._at[places], self._norm[places], self._limit[places]

    def choose(self, place: int) -> None:
        """Make a row of the front a centre."""
        self.nearest[place] = -1.0
        self._limit[place] = -math.inf
        bound = torch.addmv(self._norm[place], self._at, self._at[place], alpha=-2)
        near = torch.nonzero(bound < self._limit).flatten()
        if len(near):
            self._lower(near, self.rows[place].expand(len(near)))

    def _lower(self, places: Tensor, centres: Tensor) -> None:
        """Lower the nearest distances by the exact distances of some pairs."""
        self.nearest.scatter_reduce_(0, places, self.points.squares(self.rows[places], centres), "amin")
        self._limit[places] = self._limits(places)
