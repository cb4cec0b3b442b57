"""Mode collapse of a batch: its near-duplicates against those of random batches."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_lightning.data.images import Images
from al_lightning.duplicates.groups import count_repeats, group
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.inspect.counts import described
from al_lightning.pool import Indices, Pool
from al_lightning.seeding import generator

__all__ = ["Collapse", "collapse"]

DRAWS = 200
"""Random batches that a batch is compared with."""
MAX_CANDIDATES = 800
"""Candidates that are read for the random batches; a random sample of them if there are more."""
MAX_JUDGED = MAX_CANDIDATES // 4
"""Images of a batch that are compared if the candidates are a sample, few enough that random batches differ."""


@dataclass(frozen=True)
class Collapse:
    """A batch against random batches of the same size from the same candidates.

    Attributes:
        judged: number of images of the batch that were compared.
        share: fraction of these images that repeat an earlier one in the batch.
        expected: mean of this fraction over `DRAWS` random batches.
        as_repetitive: fraction of the random batches with at least as many repeats.
        scenes: number of sequences in the whole batch; None if the pool has no sequences.
        scenes_expected: expected number of sequences in a random batch, exact.
    """

    judged: int
    share: float
    expected: float
    as_repetitive: float
    scenes: int | None
    scenes_expected: float | None

    @property
    def index(self) -> float:
        """The mode-collapse index, -1 to 1: `share - expected`; 0 for a random batch, positive if more repetitive."""
        return self.share - self.expected


def collapse(
    images: Images | DescribedImages,
    pool: Pool,
    chosen: Sequence[int],
    candidates: Sequence[int] | Indices | None = None,
) -> Collapse:
    """Compare the repeats in a batch with those in random batches.

    Repeats are those of `counts.repeats` within the batch alone: images labelled before do not matter, and batches of
    different cycles and runs are comparable. A batch of fewer than two images has no repeats.

    Random batches are drawn without replacement from the same candidates, in random order. Their seed depends on the
    numbers of candidates and images alone: equal arguments give equal results. At most `MAX_CANDIDATES` candidates are
    read, the first in a fixed random order of the pool. If there are more, at most `MAX_JUDGED` random images of the
    batch are compared with random batches of as many.

    Args:
        images: the full training set, or its descriptors.
        pool: its state before the batch.
        chosen: the batch, in order.
        candidates: positions from which it was chosen; by default all unlabelled ones.

    Raises:
        ValueError: an image of the batch is not a candidate.
    """
    is_candidate = np.zeros(pool.size, dtype=bool)
    is_candidate[pool.unlabelled if candidates is None else np.asarray(candidates, dtype=np.int64)] = True
    batch, free = np.asarray(chosen, dtype=np.int64), np.flatnonzero(is_candidate)
    if len(foreign := batch[~is_candidate[batch]]):
        raise ValueError(f"image {foreign.min()} is in the batch but not among its candidates")
    scenes = scenes_expected = None
    if pool.sequence is not None:
        sequence = np.asarray(pool.sequence)
        scenes = len(np.unique(sequence[batch]))
        scenes_expected = expected_kinds(np.unique(sequence[free], return_counts=True)[1].tolist(), len(batch))
    if len(batch) < 2:
        return Collapse(len(batch), 0.0, 0.0, 1.0, scenes, scenes_expected)
    if len(free) > MAX_CANDIDATES:
        order = _order(pool.size)
        free = order[is_candidate[order]][:MAX_CANDIDATES]
        # At random: near-duplicates have similar scores, and an even sample would skip them.
        judged = generator("judged", len(batch)).permutation(len(batch))[:MAX_JUDGED]
        batch = batch[np.sort(judged)]
    images, size = described(images), len(batch)
    repeats = int(group(images.descriptors(batch)).repeats.sum())
    near, rows = images.near(free)
    random = count_repeats(near, rows[_draws(len(free), size)])
    as_repetitive = float((random >= repeats).mean())
    return Collapse(size, repeats / size, float(random.mean()) / size, as_repetitive, scenes, scenes_expected)


def expected_kinds(counts: Sequence[int], drawn: int) -> float:
    """Return the expected number of kinds among items drawn without replacement.

    A draw of b of N items misses a kind of n items with probability C(N - n, b) / C(N, b).

    Args:
        counts: number of items of each kind.
        drawn: b, at most the sum of the counts.
    """
    total = sum(counts)
    ways = math.comb(total, drawn)
    return math.fsum(kinds * (1 - math.comb(total - n, drawn) / ways) for n, kinds in sorted(Counter(counts).items()))


@functools.lru_cache(maxsize=64)
def _draws(size: int, count: int) -> Indices:
    """Return `DRAWS` random batches of `count` of `size` candidates, (`DRAWS`, count)."""
    draw = generator("random batches", size, count)
    return np.stack([draw.choice(size, count, replace=False) for _ in range(DRAWS)])


@functools.lru_cache(maxsize=4)
def _order(size: int) -> Indices:
    """Return the random order in which a pool's images are considered."""
    return generator("looked at", size).permutation(size)
