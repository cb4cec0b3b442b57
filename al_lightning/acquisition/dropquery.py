"""DropQuery: different images whose class changes where features are dropped."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional.cluster_choice import one_of_each_cluster
from al_lightning.acquisition.functional.draws import take_in_order
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_head import OnHead
from al_lightning.errors import MOST, require
from al_lightning.types import LinearHead, Selection, SelectionInputs

SHORTLIST = 25
"""Least number of candidates, as a multiple of the images to choose."""
BLOCK = 1024
"""Positions whose masks are drawn together."""


class DropQuery(OnHead):
    """Images whose class flips in most passes with dropout on the embedding, one of each cluster (Gupte et al. 2024).

    Candidates are the images whose class differs from the one without dropout in more than half of the passes. Where
    there are fewer than 25 times the images to choose, fewer passes have to differ, at last one. Their embeddings, of
    length 1, are clustered by k-means, and the nearest image to each centroid is chosen. Where fewer images flip than
    are to be chosen, others follow by position. The score of a choice is the share of passes that differ.

    Args:
        passes: passes with dropout.
        dropout: probability that a feature is dropped.
    """

    keeps_limits: ClassVar[bool] = True

    def __init__(self, passes: int = 3, dropout: float = 0.75) -> None:
        require("acquisition.passes", passes, least=1, most=MOST)
        require("acquisition.dropout", dropout, above=0, below=1)
        self.passes, self.dropout = passes, dropout

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Cluster the images that flip."""
        embedding, head = self.finite_inputs(rows)
        flips, allowed = count_flips(embedding, head, rows.index, self.passes, self.dropout, generator), Allowed(rows)
        free = ~rows.labelled
        shortlist = flipping(flips, free, self.passes, SHORTLIST * count)
        chosen: list[int] = []
        if len(shortlist) > count:
            chosen = one_of_each_cluster(embedding, shortlist, count, allowed, generator)
        order = torch.where(free, flips, -1).sort(descending=True, stable=True).indices
        chosen += take_in_order(order, count - len(chosen), allowed)
        return Selection(rows.index[chosen].tolist(), (flips[chosen] / self.passes).tolist())


def count_flips(
    embedding: Tensor, head: LinearHead, index: Tensor, passes: int, dropout: float, generator: np.random.Generator
) -> Tensor:
    """Return in how many passes with dropout each image's class differs from the one without, (N,) int64.

    Each image has its own mask in each pass, a function of its position.

    Args:
        embedding: (N, D).
        head: linear classifier of embeddings.
        index: (N,) int64 positions.
        passes: number of passes.
        dropout: probability that a feature is dropped.
        generator: for the key of the masks.
    """
    key = int(generator.integers(2**63))
    flips = torch.zeros(len(index), dtype=torch.int64)
    block = index // BLOCK
    for number in torch.unique(block).tolist():
        rows = (block == number).nonzero().flatten()
        draws = np.random.default_rng([key, number])
        part = embedding[rows].double()
        predicted = head(part).argmax(dim=1)
        for _ in range(passes):
            kept = torch.from_numpy(draws.random((BLOCK, part.shape[1]), dtype=np.float32) >= dropout)
            dropped = part * kept[index[rows] % BLOCK] / (1 - dropout)
            flips[rows] += head(dropped).argmax(dim=1) != predicted
    return flips


def flipping(flips: Tensor, free: Tensor, passes: int, least: int) -> Tensor:
    """Return the free rows that flip in more than half of the passes; in fewer, where these are fewer than `least`."""
    for number in range(passes // 2 + 1, 0, -1):
        rows = (free & (flips >= number)).nonzero().flatten()
        if len(rows) >= least:
            break
    return rows
