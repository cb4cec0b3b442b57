"""How far a batch has collapsed onto one kind of image: its near-duplicates against those of random batches."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.inspect.counts import FRAMES, has_time_order, moments
from al_lightning.inspect.thumbnails import Flags, Indices, Thumbnails
from al_lightning.pool import Pool
from al_lightning.seeding import generator

Reals = npt.NDArray[np.float64]
DRAWS = 200
"""Random batches that a batch is compared with."""
LOOKED_AT = 800
"""Without a time order, candidates whose thumbnails are read for the random batches; of more, a random sample."""
JUDGED = LOOKED_AT // 4
"""Images of a batch that are judged where the candidates are a sample, so that random batches from it still differ."""


@dataclass(frozen=True)
class Collapse:
    """A batch against random ones of its size from the same candidates.

    Attributes:
        judged: images of the batch that were compared.
        share: of them that are near-duplicates of one before them in the batch, a fraction.
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
    images: Images | Thumbnails, pool: Pool, chosen: Sequence[int], candidates: Sequence[int] | Indices | None = None
) -> Collapse:
    """Hold a batch's repetitions against those of random batches.

    Near-duplicates are those of `counts.repeats`: one sequence and at most `FRAMES` frames apart or, without a time
    order, thumbnails that differ by at most `GREY_LEVELS`; of two in a batch the later one repeats. Here only the batch
    itself counts: what was labelled before plays no part, so that batches of different cycles and runs compare.

    Random batches are drawn without replacement from the same candidates, as many images, in random order, by a key of
    those two numbers: the same question has the same answer. Without a time order, at most `LOOKED_AT` candidates'
    thumbnails are read, the first in a fixed random order of the pool; then a batch of more than `JUDGED` is judged by
    that many of its images, drawn at random, against random batches of that size.

    A batch of none or one repeats nothing, nor does a random one: all shares are 0 and every random batch is as
    repetitive. Where the batch takes all candidates, random batches differ in their order alone.

    Args:
        images: the full training set, or its thumbnails; looked at only where the pool has no time order.
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
    if has_time_order(pool):
        own, drawn = _in_time(pool, batch, free)
    else:
        if len(free) > LOOKED_AT:
            order = _order(pool.size)
            free = order[among[order]][:LOOKED_AT]
            # Not evenly spaced: near-duplicates have near scores, and even steps would skip them.
            thin = generator("judged", len(batch)).permutation(len(batch))[:JUDGED]
            batch = batch[np.sort(thin)]
        own, drawn = _by_sight(images if isinstance(images, Thumbnails) else Thumbnails(images), batch, free)
    size = len(batch)
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


def repeated_in_time(places: Reals) -> Indices:
    """Return how many of each batch lie within `FRAMES` of one before them.

    Args:
        places: (..., b) in the batches' order, the images' places on one axis of time.

    Returns:
        (...,) int64.
    """
    order = np.argsort(places, axis=-1, kind="stable")
    ascending = np.take_along_axis(places, order, axis=-1)
    again = np.zeros(places.shape, dtype=bool)
    for step in range(1, places.shape[-1]):
        close = ascending[..., step:] - ascending[..., :-step] <= FRAMES
        if not close.any():
            break
        later = np.maximum(order[..., step:], order[..., :-step])
        again[*np.nonzero(close)[:-1], later[close]] = True
    found: Indices = again.sum(axis=-1)
    return found


def _in_time(pool: Pool, batch: Indices, free: Indices) -> tuple[int, Indices]:
    """Return the number of repetitions in the batch and in each random one, by frames."""
    places = moments(pool)
    return int(repeated_in_time(places[batch])), repeated_in_time(places[free[_draws(len(free), len(batch))]])


def _by_sight(images: Thumbnails, batch: Indices, free: Indices) -> tuple[int, Indices]:
    """Return the number of repetitions in the batch and in each random one, by thumbnails."""
    own = int(np.tril(images.alike(batch, batch), -1).any(axis=1).sum())
    near, rows = images.table(free)
    return own, _repeated(near, rows[_draws(len(free), len(batch))])


def _repeated(near: Flags, batches: Indices) -> Indices:
    """Return how many of each batch are near one before them: `near` is (t, t), batches are (n, b) rows of it."""
    flat, size = near.ravel(), len(near)
    again = np.zeros(len(batches), dtype=np.int64)
    for place in range(1, batches.shape[1]):
        again += flat[batches[:, place, None] * size + batches[:, :place]].any(axis=1)
    return again


@functools.lru_cache(maxsize=64)
def _draws(size: int, count: int) -> Indices:
    """Return the places, of `size`, of all random batches of `count`, (`DRAWS`, count)."""
    draw = generator("random batches", size, count)
    return np.stack([draw.choice(size, count, replace=False) for _ in range(DRAWS)])


@functools.lru_cache(maxsize=4)
def _order(size: int) -> Indices:
    """Return the random order of a pool in which its images are looked at."""
    return generator("looked at", size).permutation(size)
