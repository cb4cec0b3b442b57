"""A small pool with images and networks, and one round of scoring and selection on it, as the loop does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import Scored, Scorer, in_order, join_members, score_pool, select
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.seeding import generator
from al_lightning.types import Batch, Selection, SelectionInputs

SIZE = (16, 24)
"""Height and width of the images."""


class ConformanceError(AssertionError):
    """A strategy fails a check; the message says which."""


def finite(strategy: Acquisition, selection: Selection) -> Selection:
    """Return a selection, each score of which must be finite."""
    if not np.isfinite(selection.scores).all():
        raise ConformanceError(f"{type(strategy).__name__} gives an image that it chooses no finite score.")
    return selection


def example_pool() -> Pool:
    """Return 36 images, of which 5 are labelled: three sequences of 12 frames, in no order."""
    sequence, frame = np.divmod(generator("pool", 0).permutation(36), 12)
    return Pool(36, (30, 1, 8, 21, 14), tuple(sequence.tolist()), tuple((3 * frame).tolist()))


def example_images(count: int, size: tuple[int, int] = SIZE) -> Tensor:
    """Return noise, whose level and contrast differ from image to image, (N, 3, H, W) float32."""
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(count, 3, *size, generator=draws)
    level = torch.randn(count, 3, 1, 1, generator=draws)
    return noise * torch.rand(count, 1, 1, 1, generator=draws).mul_(2) + level


@dataclass(frozen=True)
class Trial:
    """The networks, images and pool on which a strategy is checked.

    Attributes:
        make: makes the strategy; called once for each process.
        networks: one per member, in eval mode.
        images: (N, 3, H, W) float32, one per position of the pool.
        pool: what is labelled.
        numbers: of the images, which give them their names; they move with the images.
    """

    make: Callable[[], Acquisition]
    networks: tuple[Network, ...]
    images: Tensor
    pool: Pool
    numbers: tuple[int, ...]

    def labelling(self, labelled: tuple[int, ...]) -> Trial:
        """Return the trial with other images labelled."""
        return replace(self, pool=replace(self.pool, labelled=labelled))

    def permuted(self, order: list[int]) -> Trial:
        """Return the trial with the image that was at `order[i]` at position i."""
        pool = self.pool
        place = {old: new for new, old in enumerate(order)}
        sequence, frame = (
            None if values is None else tuple(values[old] for old in order) for values in (pool.sequence, pool.frame)
        )
        moved = Pool(pool.size, tuple(place[old] for old in pool.labelled), sequence, frame)
        return replace(self, images=self.images[order], pool=moved, numbers=tuple(self.numbers[old] for old in order))

    def candidates(self, strategy: Acquisition) -> list[int]:
        """Return the strategy's candidates, which must be unlabelled positions, each once."""
        name, draws = type(strategy).__name__, generator("candidates", 0)
        indices = [int(index) for index in strategy.candidates(self.pool, draws)]
        if len(set(indices)) != len(indices):
            raise ConformanceError(f"{name}.candidates names an image twice.")
        if wrong := sorted(set(indices).difference(self.pool.unlabelled.tolist())):
            raise ConformanceError(f"{name}.candidates names image {wrong[0]}, which is not unlabelled.")
        return indices

    def batches(self, indices: list[int], batch_size: int, processes: int, rank: int) -> Iterator[Batch]:
        """Yield one process's batches: all full, padded with index -1, as many as every other process has."""
        per_round = batch_size * processes
        padded = indices + [-1] * (-len(indices) % per_round)
        for start in range(rank * batch_size, len(padded), per_round):
            index = torch.tensor(padded[start : start + batch_size])
            shown = torch.where(index < 0, indices[0], index)
            yield Batch(self.images[shown], torch.full((batch_size,), 255), index)

    def rows(self, batch_size: int = 4, processes: int = 1) -> tuple[Acquisition, SelectionInputs]:
        """Score the pool; return the first process's strategy, and the input of its `select`."""
        strategies = [self.make() for _ in range(processes)]
        for strategy in strategies:
            self.candidates(strategy)
        scored = []
        for network in self.networks:
            score = partial(self._score, network, strategies, batch_size)
            scored.append(score_pool(strategies[0], self.pool, generator("candidates", 0), score))
        return strategies[0], self._completed(join_members(scored), strategies[0])

    @property
    def groups(self) -> Tensor:
        """The first position of each image's group, (N,) int64; images of about the same brightness are a group."""
        level = (2 * self.images.mean(dim=(1, 2, 3))).nan_to_num().round()
        return (level[:, None] == level).int().argmax(dim=1)

    def _completed(self, rows: SelectionInputs, strategy: Acquisition) -> SelectionInputs:
        """Return the input of `select`, complete, with what a strategy says that it reads."""
        sequence, index = self.pool.sequence, rows.index
        return rows._replace(
            shares=self._shares(rows) if strategy.reads_labels else None,
            features=self.images.mean(dim=3).flatten(1)[index] if strategy.features is not None else None,
            names=[f"images/{self.numbers[position]}.png" for position in index.tolist()],
            sequence=None if sequence is None else torch.tensor(sequence, dtype=torch.int64)[index],
            group=self.groups[index] if strategy.reads_groups else None,
        )

    def _shares(self, rows: SelectionInputs) -> Tensor:
        """Return the classes of the labelled images: bright ones are of the second class of the network's."""
        with torch.inference_mode():
            classes = self.networks[0](self.images[:1]).logits.shape[1]
        bright = self.images[rows.index].mean(dim=(1, 2, 3)) > 0
        shares = torch.nn.functional.one_hot(bright.long().clamp(max=classes - 1), classes).float()
        shares[~rows.labelled] = torch.nan
        return shares

    def _score(self, network: Network, strategies: Sequence[Acquisition], batch_size: int, images: list[int]) -> Scored:
        """Score images with one network, each strategy on its process's share."""
        index, value = [], []
        for rank, strategy in enumerate(strategies):
            scorer = Scorer(network, strategy, self.pool.labelled)
            with torch.inference_mode():
                strategy.prepare(network, generator("prepare", 0))
                for batch in self.batches(images, batch_size, len(strategies), rank):
                    index.append(batch.index)
                    value.append(scorer.predict_step(batch, 0).clone())
        return scorer.scored(*in_order(torch.cat(index), torch.cat(value)))

    def choose(self, count: int, batch_size: int = 4, processes: int = 1) -> Selection:
        """Score the pool, select, and check the selection as the loop does; each score must be finite."""
        strategy, rows = self.rows(batch_size, processes)
        return finite(strategy, select(strategy, rows, count, generator("select", 0)))
