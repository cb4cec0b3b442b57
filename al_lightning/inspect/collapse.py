"""How far a batch has collapsed onto one kind of image: its near-duplicates against those of random batches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.images import Array, Images
from al_lightning.inspect.counts import FRAMES, GREY_LEVELS, THUMBNAIL, has_time_order
from al_lightning.pool import Pool
from al_lightning.seeding import generator

Indices = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
DRAWS = 200
"""Random batches that a batch is compared with."""
LOOKED_AT = 800
"""Without a time order, candidates whose thumbnails are read for the random batches; of more, a random sample."""
JUDGED = LOOKED_AT // 4
"""Images of a batch that are judged where the candidates are a sample, so that random batches from it still differ."""


class Thumbnails(Images):
    """Images as their grey thumbnails, (8, 8, 3) uint8; each is read once and kept.

    A thumbnail's thumbnail is itself: near-duplicates among these are those among the images.

    Args:
        images: a full set.
    """

    def __init__(self, images: Images) -> None:
        self.images = images
        self._kept: dict[int, Array] = {}

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Array:
        """Return a thumbnail, its three channels equal."""
        if index not in self._kept:
            grey = Image.fromarray(self.images.image(index)).convert("L")
            self._kept[index] = np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX))
        return np.repeat(self._kept[index][:, :, None], 3, axis=2)

    def label(self, index: int) -> int | Array:
        """Return the image's label."""
        return self.images.label(index)

    def name(self, index: int) -> str:
        """Return the image's name."""
        return self.images.name(index)


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
    images: Images, pool: Pool, chosen: Sequence[int], candidates: Sequence[int] | Indices | None = None
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
        images: the full training set, or its `Thumbnails`; looked at only where the pool has no time order.
        pool: as it was before the batch.
        chosen: the batch, in order.
        candidates: positions that it was chosen from; by default all without a label.

    Raises:
        ValueError: an image of the batch is no candidate.
    """
    free = pool.unlabelled if candidates is None else np.unique(np.asarray(candidates, dtype=np.int64))
    batch = np.asarray(chosen, dtype=np.int64)
    if len(foreign := np.setdiff1d(batch, free)):
        raise ValueError(f"image {foreign[0]} is in the batch but not among its candidates")
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
            order = generator("looked at", pool.size).permutation(pool.size)
            free = order[np.isin(order, free)][:LOOKED_AT]
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


def repeated_in_time(moments: Reals) -> int:
    """Return how many of a batch lie within `FRAMES` of one before them.

    Args:
        moments: (b,) in the batch's order, the images' places on one axis of time.
    """
    order = np.argsort(moments, kind="stable")
    ascending = moments[order]
    again = np.zeros(len(moments), dtype=bool)
    for step in range(1, len(moments)):
        close = ascending[step:] - ascending[:-step] <= FRAMES
        if not close.any():
            break
        again[np.maximum(order[step:], order[:-step])[close]] = True
    return int(again.sum())


def _in_time(pool: Pool, batch: Indices, free: Indices) -> tuple[int, Indices]:
    """Return the number of repetitions in the batch and in each random one, by frames."""
    frame, sequence = np.asarray(pool.frame, dtype=np.float64), np.asarray(pool.sequence, dtype=np.float64)
    moments: Reals = sequence * (np.ptp(frame) + FRAMES + 1) + frame  # of different sequences, never close
    drawn = [repeated_in_time(moments[free[draw]]) for draw in _draws(len(free), len(batch))]
    return repeated_in_time(moments[batch]), np.asarray(drawn)


def _by_sight(images: Images, batch: Indices, free: Indices) -> tuple[int, Indices]:
    """Return the number of repetitions in the batch and in each random one, by thumbnails."""
    own, near = _alike(images, batch), _alike(images, free)
    drawn = [_repeated(near[np.ix_(draw, draw)]) for draw in _draws(len(free), len(batch))]
    return _repeated(own), np.asarray(drawn)


def _draws(size: int, count: int) -> list[Indices]:
    draw = generator("random batches", size, count)
    return [draw.choice(size, count, replace=False) for _ in range(DRAWS)]


def _alike(images: Images, positions: Indices) -> npt.NDArray[np.bool_]:
    """Return which pairs have near-duplicate thumbnails, (n, n)."""
    from scipy.spatial.distance import cdist

    flat = np.stack([images.image(index)[..., 0].ravel() for index in positions.tolist()]).astype(np.float64)
    near: npt.NDArray[np.bool_] = cdist(flat, flat, "cityblock") <= GREY_LEVELS * THUMBNAIL**2  # sums of whole numbers
    return near


def _repeated(near: npt.NDArray[np.bool_]) -> int:
    return int(np.tril(near, -1).any(axis=1).sum())
