"""MaxHerding: greedy coverage with a Gaussian kernel, exact and without more evaluations than the choice needs.

The gain of a row only falls as rows are chosen (the coverage is submodular), so that an old gain is an upper bound.
Only rows whose bound reaches the best gain are evaluated anew, in float32; those that float32 leaves open in float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional.kernel_pairs import ActivePairs, AllPairs, Cover
from al_lightning.acquisition.functional.scores import round_significant
from al_lightning.acquisition.functional.unit_vectors import COPY, UnitVectors, blocks
from al_lightning.acquisition.limits import Allowed

MEMORY = 400_000_000
"""Bytes of kernel values that are kept: all of them for 10,000 rows."""
REFERENCES = 50_000
"""Most rows over which the coverage is averaged; of more, as many are drawn."""
NOTHING = 1e-9
"""Sum of kernel values that counts as none."""
TIE = 1.1e-5
"""Gains that are equal to 6 digits differ by less, relative to the larger one."""
WORTH = 0.25
"""Share of all rows whose kernel values are computed anew before the pairs that still matter are looked for."""
SAMPLE = 256
"""Rows from which their number is estimated."""
BYTES = 8
"""Bytes of a pair."""
FIRST = 32
"""Rows that are evaluated anew at first; then twice as many, and so on."""


class Herded(NamedTuple):
    """Rows that herding chose.

    Attributes:
        rows: row numbers in order of choice.
        gains: by how much each raised the mean coverage of the references.
        references: number of rows over which the coverage was averaged.
        unlabelled: number of unlabelled rows.
        alike: choices after which the weights no longer counted; None where they did to the end.
    """

    rows: list[int]
    gains: list[float]
    references: int
    unlabelled: int
    alike: int | None = None

    @property
    def note(self) -> str:
        """Say that the coverage is that of a sample, or where weights ceased to count; "" where neither holds."""
        said = []
        if self.references < self.unlabelled:
            said += [
                f"coverage is that of {self.references:,} of {self.unlabelled:,} unlabelled images, drawn at random"
            ]
        if self.alike is not None:
            said += [f"nothing uncertain is left to cover from choice {self.alike + 1} on, and all images count alike"]
        return "; ".join(said)


def herding(
    points: UnitVectors,
    allowed: Allowed,
    count: int,
    generator: np.random.Generator,
    radius: float = 1.0,
    weight: Tensor | None = None,
) -> Herded:
    """Choose rows one by one, each the one that raises the coverage of the unlabelled rows most.

    The coverage is the mean over x of u(x) max over labelled and chosen l of k(x, l), with
    k(x, l) = exp(-(|x - l| / radius)^2) (MaxHerding, Bae et al. 2024, Algorithm 1; with weights u UHerding, Bae et al.
    2025). The mean is over the unlabelled rows, or a sample of `REFERENCES` of them: a labelled row is covered already.
    Choices are those of the greedy algorithm in float64; gains equal to 6 significant digits are ties, which go to the
    lower row. Once no row that may be chosen raises the weighted coverage, all weights are 1.

    Args:
        points: N vectors.
        allowed: which of the N rows are unlabelled, and which may be chosen; takes the choices.
        count: number of rows to choose, at most the number of unlabelled rows.
        generator: draws the references of a large pool.
        radius: the kernel's radius h.
        weight: (N,) u(x), not negative; 1 by default.
    """
    labelled = ~allowed.free
    references = torch.nonzero(~labelled).flatten()
    unlabelled = len(references)
    if unlabelled > REFERENCES:
        kept = generator.choice(unlabelled, REFERENCES, replace=False)
        references = references[torch.from_numpy(np.sort(kept))]
    search = _Search(points, labelled, references, radius, weight)
    chosen: list[int] = []
    gains: list[float] = []
    alike = None
    for _ in range(count):
        cover = search.cover
        row, gain = search.choose(allowed.open)
        if gain == 0 and weight is not None:
            weight, alike = None, len(chosen)
            search.begin(cover, torch.ones(len(references)))
            row, gain = search.choose(allowed.open)
        allowed.take(row)
        chosen.append(row)
        gains.append(gain / len(references))
    return Herded(chosen, gains, len(references), unlabelled, alike)


def labelled_radius(points: UnitVectors) -> float:
    """Return the smallest distance between two labelled vectors, UHerding's radius (Bae et al. 2025, section 4).

    A distance below `COPY` counts as none. Without two different vectors the radius is 1, MaxHerding's.

    Args:
        points: the labelled vectors.
    """
    if not len(points):
        return 1.0
    smallest = torch.inf
    for rows in blocks(torch.arange(len(points)), 2 * len(points)):
        distance = points.squares(rows, points).sqrt()
        smallest = min(smallest, float(torch.where(distance >= COPY, distance, torch.inf).amin()))
    return smallest if smallest < torch.inf else 1.0


class _Search:
    """The state of the algorithm: the references' coverage, and an upper bound of each row's gain."""

    def __init__(
        self, points: UnitVectors, labelled: Tensor, references: Tensor, radius: float, weight: Tensor | None
    ) -> None:
        targets = points.subset(references)
        self._all = AllPairs(points, targets, radius, MEMORY)
        self._candidates = torch.nonzero(~labelled).flatten()
        nearest = targets.nearest(points.subset(torch.nonzero(labelled).flatten()))
        self._bound = torch.full((len(points),), torch.inf, dtype=torch.float64)
        weight = torch.ones(len(references)) if weight is None else weight[references]
        self.begin(torch.exp(-nearest / radius**2), weight)

    @property
    def cover(self) -> Tensor:
        """The references' coverage so far, (R,) float64."""
        return self._by.cover

    def begin(self, cover: Tensor, weight: Tensor) -> None:
        """Begin with a coverage and weights of the references, (R,) each."""
        self._by = Cover.of(cover, weight.double())
        self._pairs: AllPairs | ActivePairs = self._all
        for rows in blocks(self._candidates, len(weight)):
            self._bound[rows] = self._range(rows)[1]
        self._patience = self._all.computed * (1 + WORTH)

    def _range(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return lower and upper bounds of the gains of rows, (n,) float64 each."""
        gain, total = self._pairs.gains(rows, self._by)
        # The error is relative to the kernel values, of which the gain is what exceeds the cover.
        return gain - self._all.error * total, gain + self._all.error * total

    def choose(self, free: Tensor) -> tuple[int, float]:
        """Choose one of the free rows; return it and the sum of its gains."""
        limit = torch.where(free, self._bound, -torch.inf)
        close = self._close(limit) if float(limit.max()) > NOTHING else torch.nonzero(free)[0]
        targets = self._places(close)
        gains = self._gains(close, targets)
        self._bound[close] = gains * (1 + 1e-12)
        rounded = round_significant(torch.where(gains > NOTHING, gains, 0.0))
        best = int(rounded.argmax())  # the first of equals
        cover = self._by.cover.clone()
        cover[targets] = torch.maximum(cover[targets], self._all.exact(close[best : best + 1], targets)[0])
        self._by = Cover.of(cover, self._by.weight)
        return int(close[best]), float(rounded[best])

    def _close(self, limit: Tensor) -> Tensor:
        """Return the rows, ascending, that may have the largest gain; `limit` is an upper bound of each gain, (N,)."""
        fresh = torch.zeros(len(limit), dtype=torch.bool)
        floor, step = -torch.inf, FIRST
        self._narrow()
        while True:
            top = limit.masked_fill(fresh, -torch.inf).topk(min(step, len(limit)))
            rows = top.indices[(top.values >= floor) & (top.values > -torch.inf)]
            if not len(rows):
                return torch.nonzero(fresh & (limit >= floor)).flatten()
            for part in blocks(rows, len(self._by.cover)):
                low, high = self._range(part)
                limit[part] = self._bound[part] = torch.minimum(high, limit[part])
                floor = max(floor, float(low.max()) * (1 - TIE))
            fresh[rows] = True
            step *= 2

    def _places(self, rows: Tensor) -> Tensor:
        """Return the references, (m,), of which rows may raise the coverage."""
        found = torch.zeros(len(self._by.cover), dtype=torch.bool)
        for part in blocks(rows, len(found)):
            found |= self._pairs.above(part, self._by).any(dim=0)
        return torch.nonzero(found).flatten()

    def _gains(self, rows: Tensor, places: Tensor) -> Tensor:
        """Return the gains of rows from some references, (n,) float64."""
        cover, weight = self._by.cover[places], self._by.weight[places]
        parts = blocks(rows, 2 * len(places))
        return torch.cat([(self._all.exact(part, places) - cover).clamp_(min=0) @ weight for part in parts])

    def _narrow(self) -> None:
        """Keep the pairs that still matter, once they fit into memory and computing all anew has cost enough."""
        if self._pairs is not self._all or self._all.kept is not None or self._all.computed < self._patience:
            return
        sample = self._candidates[:: max(1, len(self._candidates) // SAMPLE)]
        share = float(self._all.above(sample, self._by).float().mean())
        if share * len(self._candidates) * len(self._by.cover) * BYTES <= MEMORY:
            self._pairs = ActivePairs(self._all, self._candidates, len(self._bound), self._by)
        self._patience = self._all.computed + WORTH * len(self._candidates)
