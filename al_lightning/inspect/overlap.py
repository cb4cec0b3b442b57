"""How much two runs chose alike, and how much of that chance alone would give."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from al_lightning.runs.journal import Run


@dataclass(frozen=True)
class Overlap:
    """Two choices from one pool.

    Attributes:
        first: images in the one.
        second: images in the other.
        common: images in both.
        expected: how many are in both on average if each was drawn at random from its candidates.
        deviation: the standard deviation of that number; 0 where chance has no say.
    """

    first: int
    second: int
    common: int
    expected: float
    deviation: float

    @property
    def share(self) -> float:
        """Common images as a fraction of the larger choice; 0 where both are empty."""
        return self.common / max(1, self.first, self.second)

    @property
    def expected_share(self) -> float:
        """What chance gives of that."""
        return self.expected / max(1, self.first, self.second)

    @property
    def jaccard(self) -> float:
        """Common images as a fraction of those in either; 0 where both are empty."""
        return self.common / max(1, self.first + self.second - self.common)


def overlap(
    first: Collection[int], second: Collection[int], candidates: Collection[int], others: Collection[int] | None = None
) -> Overlap:
    """Compare two choices, each of different images.

    At random, an image that both could choose is in both with probability a / A x b / B, for a of A candidates in the
    first and b of B in the second. With the same N candidates the number in common is hypergeometric: its mean is
    a b / N, its variance a b (N - a) (N - b) / (N^2 (N - 1)). Candidates that only one of them had can never be common.

    Args:
        first: positions that the one chose.
        second: positions that the other chose.
        candidates: what the first chose from.
        others: what the second chose from; the same by default.

    Raises:
        ValueError: a choice holds an image that was no candidate.
    """
    one, two, here = set(first), set(second), set(candidates)
    there = here if others is None else set(others)
    if foreign := (one - here) | (two - there):
        raise ValueError(f"image {min(foreign)} was chosen but is no candidate")
    return _overlap(one, two, len(here), len(there), len(here & there))


def overlap_of_runs(first: Run, second: Run, batches: int) -> Overlap | None:
    """Compare what two runs bought in their first batches; the initial sets are no choice, and are not counted.

    A run's candidates are taken to be the whole pool without its initial set, also for a strategy that looks at a part
    of it only.

    Args:
        first: a run.
        second: another one on the same pool.
        batches: how many acquisitions of each.

    Returns:
        The overlap; None where a run has not bought as many batches, or they are of different budgets.
    """
    sides = []
    for run in (first, second):
        bought = [done.chosen for done in run.cycles if done.chosen][:batches]
        if len(bought) < batches or not bought:
            return None
        sides.append(([len(batch) for batch in bought], {index for batch in bought for index in batch}))
    (sizes, one), (other_sizes, two) = sides
    before, earlier = set(first.labelled_at(0)), set(second.labelled_at(0))
    if sizes != other_sizes or len(before) != len(earlier):
        return None
    # Counted, not listed: a report compares thousands of pairs of runs, and pools are large.
    size = min(first.record.pool_size, second.record.pool_size)
    here, there = first.record.pool_size - len(before), second.record.pool_size - len(earlier)
    return _overlap(one, two, here, there, size - len(before | earlier))


def _overlap(one: set[int], two: set[int], here: int, there: int, both: int) -> Overlap:
    """Return the overlap of two choices from `here` and `there` candidates, of which they have `both` in common."""
    a, b = len(one), len(two)
    chance, other = a / max(1, here), b / max(1, there)
    mean = both * chance * other
    variance = mean * (1 - chance * other)
    if both > 1:  # what one image takes of a choice, another cannot have
        again = chance * max(0, a - 1) / max(1, here - 1) * other * max(0, b - 1) / max(1, there - 1)
        variance += both * (both - 1) * (again - (chance * other) ** 2)
    return Overlap(a, b, len(one & two), mean, math.sqrt(max(0.0, variance)))
