"""The overlap of two runs' choices, and the overlap that chance alone would give."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from al_lightning.runs.journal import Run

__all__ = ["Overlap", "overlap", "overlap_of_runs"]


@dataclass(frozen=True)
class Overlap:
    """Two choices from one pool.

    Attributes:
        first: number of images in the first choice.
        second: number of images in the second choice.
        common: number of images in both.
        expected: expected number in both if each choice were drawn at random from its candidates.
        deviation: standard deviation of this number; 0 if only one outcome is possible.
    """

    first: int
    second: int
    common: int
    expected: float
    deviation: float

    @property
    def share(self) -> float:
        """Common images as a fraction of the larger choice; 0 if both are empty."""
        return self.common / max(1, self.first, self.second)

    @property
    def expected_share(self) -> float:
        """Expected number of common images as a fraction of the larger choice."""
        return self.expected / max(1, self.first, self.second)

    @property
    def jaccard(self) -> float:
        """Common images as a fraction of those in either choice; 0 if both are empty."""
        return self.common / max(1, self.first + self.second - self.common)


def overlap(first: Collection[int], second: Collection[int], first_size: int, second_size: int, both: int) -> Overlap:
    """Compare two choices, each of different images.

    At random, an image that is a candidate in both is chosen in both with probability a / A x b / B, for a of A
    candidates in the first choice and b of B in the second. With the same N candidates the number in common is
    hypergeometric: its mean is a b / N, its variance a b (N - a) (N - b) / (N^2 (N - 1)).

    Args:
        first: positions in the first choice.
        second: positions in the second choice.
        first_size: number of candidates of the first choice.
        second_size: number of candidates of the second choice.
        both: number of candidates that the two choices have in common.
    """
    a, b = len(first), len(second)
    chance = a / max(1, first_size) * (b / max(1, second_size))
    variance = both * chance * (1 - chance)
    if both > 1:  # the covariance of two images, because each choice is without replacement
        again = max(0, a - 1) / max(1, first_size - 1) * max(0, b - 1) / max(1, second_size - 1)
        variance += both * (both - 1) * chance * (again - chance)
    return Overlap(a, b, len(set(first) & set(second)), both * chance, math.sqrt(max(0.0, variance)))


def overlap_of_runs(first: Run, second: Run, batches: int) -> Overlap | None:
    """Compare the images that two runs bought in their first batches, without the initial sets.

    The candidates are taken to be the whole pool without the initial set, even for a strategy that considers a part of
    the pool.

    Returns:
        The overlap; None if a run has bought fewer than `batches` batches, or the budgets differ.
    """
    bought = [[cycle.chosen for cycle in run.cycles if cycle.chosen][:batches] for run in (first, second)]
    initial = [set(run.labelled_at(0)) for run in (first, second)]
    sizes = [[len(batch) for batch in run] for run in bought]
    if not batches or len(sizes[0]) < batches or sizes[0] != sizes[1] or len(initial[0]) != len(initial[1]):
        return None
    # Counted, not listed: a report compares thousands of pairs of runs, and pools are large.
    pools = [run.record.pool_size for run in (first, second)]
    first_bought, second_bought = ({index for batch in run for index in batch} for run in bought)
    both = min(pools) - len(initial[0] | initial[1])
    return overlap(first_bought, second_bought, pools[0] - len(initial[0]), pools[1] - len(initial[1]), both)
