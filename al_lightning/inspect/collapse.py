"""How far a batch has collapsed onto one kind of image: its near-duplicates against those of random batches."""

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

DRAWS = 200
"""Random batches that a batch is compared with."""
LOOKED_AT = 800
"""Candidates that are read for the random batches; of more, a random sample."""
JUDGED = LOOKED_AT // 4
"""Images of a batch that are judged where the candidates are a sample, so that random batches from it still differ."""


@dataclass(frozen=True)
class Collapse:
    """A batch against random ones of its size from the same candidates.

    Attributes:
        judged: images of the batch that were compared.
        share: of them that repeat one before them in the batch, a fraction.
        expected: the mean of that share over `DRAWS` random batches.
        as_repetitive: fraction of the random batches with at least as many.
        scenes: sequences behind the whole batch; None where the pool has none.
        scenes_expected: their mean number behind a random batch, exact.
    """

    judged: int
    share: float
    expected: float
    as_repetitive: float
    scenes: int | None
    scenes_expected: float | None

    @property
    def index(self) -> float:
        """The mode-collapse index, -1 to 1: `share - expected`. 0 as a random batch, above it more repetitive."""
        return self.share - self.expected


def collapse(
    images: Images | DescribedImages,
    pool: Pool,
    chosen: Sequence[int],
    candidates: Sequence[int] | Indices | None = None,
) -> Collapse:
    """Hold a batch's repetitions against those of random batches.

    What repeats is defined as for `counts.repeats`, in the batch alone: what was labelled before plays no part, so that
    batches of different cycles and runs compare.

    Random batches are drawn without replacement from the same candidates, as many images, in random order, by a key of
    those two numbers: the same question has the same answer. At most `LOOKED_AT` candidates are read, the first in a
    fixed random order of the pool; of more candidates, a batch of more than `JUDGED` is judged by that many of its
    images, drawn at random, against random batches of that size.

    A batch of none or one repeats nothing, nor does a random one: all shares are 0 and every random batch is as
    repetitive. Where the batch takes all candidates, random batches differ in their order alone.

    Args:
        images: the full training set, or its descriptors.
        pool: as it was before the batch.
        chosen: the batch, in order.
        candidates: positions that it was chosen from; by default all without a label.

    Raises:
        ValueError: an image of the batch is no candidate.
    """
    among = np.zeros(pool.size, dtype=bool)
    among[pool.unlabelled if candidates is None else np.asarray(candidates, dtype=np.int64)] = True
    batch, free = np.asarray(chosen, dtype=np.int64), np.flatnonzero(among)
    if len(foreign := batch[~among[batch]]):
        raise ValueError(f"image {foreign.min()} is in the batch but not among its candidates")
    scenes = scenes_expected = None
    if pool.sequence is not None:
        sequence = np.asarray(pool.sequence)
        scenes = len(np.unique(sequence[batch]))
        scenes_expected = expected_kinds(np.unique(sequence[free], return_counts=True)[1].tolist(), len(batch))
    if len(batch) < 2:
        return Collapse(len(batch), 0.0, 0.0, 1.0, scenes, scenes_expected)
    if len(free) > LOOKED_AT:
        order = _order(pool.size)
        free = order[among[order]][:LOOKED_AT]
        # Not evenly spaced: near-duplicates have near scores, and even steps would skip them.
        thin = generator("judged", len(batch)).permutation(len(batch))[:JUDGED]
        batch = batch[np.sort(thin)]
    images, size = described(images), len(batch)
    own = int(group(images.descriptors(batch)).repeats.sum())
    near, rows = images.near(free)
    drawn = count_repeats(near, rows[_draws(len(free), size)])
    return Collapse(size, own / size, float(drawn.mean()) / size, float((drawn >= own).mean()), scenes, scenes_expected)


def expected_kinds(counts: Sequence[int], drawn: int) -> float:
    """Return how many kinds there are, on average, among items that are drawn without replacement.

    A kind of n among N is missed by a draw of b with probability C(N - n, b) / C(N, b).

    Args:
        counts: the number of items of each kind.
        drawn: b, at most their sum.
    """
    total = sum(counts)
    ways = math.comb(total, drawn)
    return math.fsum(kinds * (1 - math.comb(total - n, drawn) / ways) for n, kinds in sorted(Counter(counts).items()))


@functools.lru_cache(maxsize=64)
def _draws(size: int, count: int) -> Indices:
    """Return the places, of `size`, of all random batches of `count`, (`DRAWS`, count)."""
    draw = generator("random batches", size, count)
    return np.stack([draw.choice(size, count, replace=False) for _ in range(DRAWS)])


@functools.lru_cache(maxsize=4)
def _order(size: int) -> Indices:
    """Return the random order of a pool in which its images are looked at."""
    return generator("looked at", size).permutation(size)
