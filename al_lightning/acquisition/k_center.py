"""k-center greedy, exactly: distances are bounded fast, and computed in float64 where they decide something.

Lazily: a row's distance to its nearest centre only falls as centres are added, so that an old one is an upper bound,
and a row whose bound lies below the next choice's distance need not be looked at. Only a front of rows, those with the
highest bounds, is compared with every centre; it is chosen from until its best falls below the bounds of all others.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from al_lightning.errors import ALError, UsageError

BLOCK = 512
"""Centres that rows are compared with at once."""
WIDTH = 1024
"""Rows of a front."""
ROOM = 1 << 21
"""Numbers in a temporary tensor."""
LARGEST = 1e150
"""Beyond it squares are infinite in float64."""


def k_center_greedy(features: Tensor, labelled: Tensor, count: int) -> tuple[list[int], list[float]]:
    """Choose rows one by one, each the farthest from all labelled and chosen ones (Sener and Savarese 2018).

    Distances are Euclidean. Rows and distances are those of a running minimum in float64, to the last bit, and ties go
    to the lower row. With nothing labelled, the first choice is row 0. Beside the features it takes some tens of bytes
    a row and about 200 MB.

    Args:
        features: (N, D), of any floating type.
        labelled: (N,) bool, the centres to begin with.
        count: how many; at most the number of rows not labelled.

    Returns:
        (rows, distances): chosen row numbers in order, and each one's distance when chosen (inf for the first without
        any centre).

    Raises:
        ALError: a feature is NaN, infinite or beyond 1e150; the sentence names the row.
        UsageError: `count` is larger than the number of rows not labelled.
    """
    free = int((~labelled).sum())
    if count > free:
        raise UsageError(f"k-center was asked for {count} rows, but only {free} are not labelled; ask for fewer.")
    with torch.no_grad(), _full_precision():
        search = _Search(_Points(features), labelled)
        while len(search.chosen) < count:
            search.advance(count)
    return search.chosen, [math.sqrt(square) for square in search.squares]


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Let float32 products be float32: the bounds of their errors hold for nothing less."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class _Points:
    """Features shifted by their mean and scaled to about 1, for fast squared distances whose error is bounded.

    Attributes:
        dtype: of fast distances; float64 once float32 has left too much open.
        scale: of the points to the features, a power of two.
    """

    def __init__(self, features: Tensor) -> None:
        self.features = features
        self.dtype = torch.float32
        self._own = torch.promote_types(features.dtype, torch.float32)
        size, width = features.shape
        largest = min(LARGEST, torch.finfo(features.dtype).max)
        self.room = max(2, ROOM // max(width, 1))  # rows
        total, ends = torch.zeros(width, dtype=torch.float64), torch.zeros(2, width, dtype=torch.float64)
        for rows in self.parts():
            part = features[rows]
            low, high = torch.aminmax(part, dim=0)
            if not bool(((low >= -largest) & (high <= largest)).all()):
                bad = ~(part.abs() <= largest).all(dim=1)
                row = rows.start + int(torch.nonzero(bad)[0, 0])
                raise ALError(f"Row {row} of the features is not finite; no distance to it can be told.")
            total += part.sum(dim=0, dtype=torch.float64)
            ends = torch.maximum(ends, torch.stack([-low, high]))
        # A power of two, and a shift in the features' own type: shifting is one rounding. The square of a scale is
        # finite, and so are the points.
        _, exponent = math.frexp(float(2 * ends.max()) if ends.numel() else 0.0)
        self.scale = 2.0 ** (min(450, -exponent) if self._own == torch.float64 else min(100, max(-126, -exponent)))
        self._shift = (total / max(size, 1)).to(self._own) * self.scale

    def parts(self) -> Iterator[slice]:
        """Yield all rows, as many at a time as there is room for."""
        return (slice(start, start + self.room) for start in range(0, len(self.features), self.room))

    def of(self, rows: Tensor | slice) -> Tensor:
        """Return the points of some rows, (n, D) of `dtype`."""
        part = self.features[rows].to(torch.promote_types(self._own, self.dtype), copy=True)
        return part.mul_(self.scale).sub_(self._shift).to(self.dtype)

    @property
    def error(self) -> tuple[float, float]:
        """Return (relative, absolute): how far |p|^2 - 2 p c + |c|^2 may be off.

        It is at most relative x (|p|^2 + |c|^2) + absolute, for any order of summation: 2 D roundings for the squared
        norms and the product, some for their sum and for the shift, and as many in float64 for what `squares` returns.
        What underflows comes on top.
        """
        width = self.features.shape[1]
        unit = 0.5 * torch.finfo(self.dtype).eps
        return (2 * width + 32) * (unit + 2.0**-53) * 1.01, (width + 1) * 2.0**-120

    def bounding(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the points of some rows, and squared norms less what a fast distance may be off."""
        at = self.of(rows)
        return at, at.square().sum(dim=1).mul_(1 - self.error[0])

    def squares(self, rows: Tensor, centres: Tensor) -> Tensor:
        """Return squared distances of pairs of rows, (n,) float64, to the last bit those of the plain algorithm."""
        found = []
        for a, b in zip(torch.split(rows, self.room), torch.split(centres, self.room), strict=True):
            square = (self.features[a].double() - self.features[b].double()).square_()
            # Several threads would share the sum of one long row alone, in another order.
            found.append(square.sum(dim=1) if len(square) > 1 else square.repeat(2, 1).sum(dim=1)[:1])
        return torch.cat(found)


class _Search:
    """A greedy cover under way: rows `chosen` in order, and the squared distance of each when it was."""

    def __init__(self, points: _Points, labelled: Tensor) -> None:
        size = len(points.features)
        self.points = points
        self.chosen: list[int] = []
        self.squares: list[float] = []
        known = torch.nonzero(labelled).flatten()
        # In any order but that of the rows, so that the first block is a fair sample.
        self._labelled = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(0))]
        # Squared distance to the nearest of the first `seen` centres; where that is 0, a bound from above. Of a centre
        # it is -1.
        self._nearest = torch.full((size,), math.inf, dtype=torch.float64)
        self._nearest[known] = -1.0
        self._seen = torch.zeros(size, dtype=torch.int32)
        self._front = min(WIDTH, max(64, 4 * points.room))
        self._width = self._front
        self._bounded = size <= self._width  # then all rows are the front

    def advance(self, count: int) -> None:
        """Choose from the next front, up to `count` rows in all, as long as it holds the farthest row."""
        centres = torch.cat([self._labelled, torch.tensor(self.chosen, dtype=torch.int64)])  # in the order of `seen`
        if not self._bounded and len(centres):
            self._bound(centres[:BLOCK])
        # More rows than are chosen from: most may turn out to be nearer than their bounds.
        line, edge, rows = _highest(self._nearest, self._width)
        front = _Front(self.points, rows, self._nearest[rows], self._seen[rows])
        front.refresh(centres, line)
        self._nearest[rows], self._seen[rows] = front.nearest, front.seen
        inside = torch.where(front.nearest >= line, front.nearest, -1.0)  # the others do not know all centres
        inner, first_out, places = _highest(inside, self._front)
        if inner >= line:
            outside = float(rows[int(first_out)]) if first_out < math.inf else math.inf
            line, edge = inner, min(edge, outside) if inner == line else outside
        front.keep(places)
        self._choose(front, count, line, edge)
        self._nearest[front.rows] = front.nearest
        self._seen[front.rows] = len(self._labelled) + len(self.chosen)
        left = int((inside >= 0).sum())
        if left < self._front // 2:
            self._width = min(2 * self._width, max(self._front, 4 * self.points.room))
        elif left > 2 * self._front:
            self._width = max(self._width // 2, self._front)

    def _choose(self, front: _Front, count: int, line: float, edge: float) -> None:
        while len(self.chosen) < count and len(front.rows):
            place = int(front.nearest.argmax())  # the first of equals
            row, square = int(front.rows[place]), float(front.nearest[place])
            if square < max(line, 0.0) or (square == line and row > edge):
                return
            self.chosen.append(row)
            self.squares.append(square)
            front.choose(place)
            if not self._bounded:
                return  # the first centre of all: now there are bounds

    def _bound(self, centres: Tensor) -> None:
        """Bound all rows from above by some centres."""
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
    """Return (line, edge, places) of the highest values that are not negative.

    Places ascend; all others are below `line`, or at it and not before place `edge`.
    """
    if int((values >= 0).sum()) <= count:
        return -math.inf, math.inf, torch.nonzero(values >= 0).flatten()
    line = values.topk(count, sorted=False).values.amin()
    above, level = torch.nonzero(values > line).flatten(), torch.nonzero(values == line).flatten()
    room = count - len(above)
    edge = float(level[room]) if len(level) > room else math.inf
    return float(line), edge, torch.cat([above, level[:room]]).sort().values


class _Front:
    """Rows that are compared with every centre: `rows`, (n,) ascending, and as in _Search `nearest` and `seen`."""

    def __init__(self, points: _Points, rows: Tensor, nearest: Tensor, seen: Tensor) -> None:
        self.points = points
        self.rows = rows
        self.nearest = torch.where(seen == 0, math.inf, nearest)  # a bound is no distance
        self.seen = seen
        self._place()

    def _place(self) -> None:
        self._at, self._norm = self.points.bounding(self.rows)
        self._limit = self._limits(slice(None))

    def _limits(self, places: Tensor | slice) -> Tensor:
        """Return what |c|^2 - 2 c p must be below for a centre c that may be nearer than the nearest, (n,).

        Rounded up. Nothing is nearer to a chosen row, or to one that lies on a centre.
        """
        nearest = self.nearest[places]
        limit = nearest * self.points.scale**2 + self.points.error[1] - self._norm[places]
        limit = torch.nextafter(limit.to(self.points.dtype), torch.full((), math.inf, dtype=self.points.dtype))
        return torch.where(nearest > 0, limit, -math.inf)

    def refresh(self, centres: Tensor, line: float) -> None:
        """Compare with the centres not yet seen; a row that falls below a line is left as it is by then."""
        for start in range(0, len(centres), BLOCK):
            block = centres[start : start + BLOCK]
            late = torch.nonzero((self.seen < start + len(block)) & (self.nearest >= line)).flatten()
            for places in torch.split(late, max(1, ROOM // BLOCK)):
                if not self._compare(places, block):
                    self._place()
                    self._compare(places, block)
            self.seen[late] = start + len(block)

    def _compare(self, places: Tensor, block: Tensor) -> bool:
        """Let rows know a block of centres; False, and float64 from now on, where float32 leaves too much open."""
        at, norm = self.points.bounding(block)
        bound = torch.addmm(norm, self._at[places], at.T, alpha=-2)
        near = torch.nonzero(bound.amin(dim=1) < self._limit[places]).flatten()
        if not len(near):
            return True
        if len(near) < len(places):
            places, bound = places[near], bound[near]
        best = bound.argmin(dim=1)
        self._lower(places, block[best])
        # Whatever may be nearer still.
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
        """Forget all other rows."""
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
        """Take the exact distances of some pairs into account."""
        self.nearest.scatter_reduce_(0, places, self.points.squares(self.rows[places], centres), "amin")
        self._limit[places] = self._limits(places)
