"""TypiClust's mathematics: the most typical vector of each cluster."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from al_lightning.acquisition.functional import round_significant
from al_lightning.acquisition.unit_vectors import UnitVectors, blocks
from al_lightning.errors import UsageError

NEIGHBOURS = 20
"""Most neighbours over which a typicality is averaged."""
SMALL = 5
"""Clusters of so many vectors, or fewer, come last."""
CLOSEST = 1e-5
"""Added to the mean distance, which is 0 between copies."""


def typicality(points: UnitVectors) -> Tensor:
    """Return each vector's typicality among the others: 1 / (mean distance to its nearest neighbours + 1e-5).

    Neighbours are the nearest min(20, N // 2) others, and distances are not squared (Hacohen et al. 2022, Eq. 4). A
    single vector has the typicality 1.

    Args:
        points: N vectors.

    Returns:
        (N,) float64.
    """
    count = min(NEIGHBOURS, len(points) // 2)
    if count == 0:
        return torch.ones(len(points), dtype=torch.float64)
    found = []
    for rows in blocks(torch.arange(len(points)), 2 * len(points)):
        square = points.squares(rows, points)
        square[torch.arange(len(rows)), rows] = torch.inf  # no vector is its own neighbour
        nearest = square.topk(count, dim=1, largest=False).values.sqrt()
        found.append(1 / (nearest.mean(dim=1) + CLOSEST))
    return torch.cat(found)


def typical_choice(
    points: UnitVectors,
    labelled: Tensor,
    cluster: Tensor,
    count: int,
    free: Tensor | None = None,
    take: Callable[[int], Tensor] | None = None,
) -> tuple[list[int], list[float]]:
    """Choose the most typical row of one cluster after the other (TypiClust, Hacohen et al. 2022, Algorithm 1).

    Clusters with the fewest labelled rows come first, of equally many the larger, of equal ones that with the lowest
    row; after the last the first follows again. Clusters of 5 rows or fewer are left out until no other has a row that
    may be chosen. The typicality is among the rows of the cluster that are neither labelled nor chosen. Ties, to 6
    digits, go to the lower row.

    Args:
        points: N vectors.
        labelled: (N,) bool.
        cluster: (N,) int64.
        count: number of rows to choose.
        free: (N,) bool, the rows that may be chosen first; by default all that are not labelled.
        take: told each choice; returns the rows that may be chosen from now on, (N,) bool.

    Returns:
        (rows, typicalities), in order of choice.

    Raises:
        UsageError: fewer than `count` rows may be chosen.
    """
    free = ~labelled if free is None else free
    left, chosen, values = ~labelled, list[int](), list[float]()
    for queue in _queues(labelled, cluster):
        while queue and len(chosen) < count:
            turn, queue = queue, []
            for number in turn:
                rows = torch.nonzero((cluster == number) & left).flatten()
                open_ = (free & left)[rows]
                if len(chosen) == count or not bool(open_.any()):
                    continue
                value = round_significant(typicality(points.subset(rows)))
                best = int(torch.where(open_, value, -1.0).argmax())  # the first of equals
                row = int(rows[best])
                chosen.append(row)
                values.append(float(value[best]))
                left[row] = False
                queue.append(number)
                if take is not None:
                    free = take(row)
    if len(chosen) < count:
        raise UsageError(f"{count} rows were asked for, but only {len(chosen)} can be chosen; ask for fewer.")
    return chosen, values


def _queues(labelled: Tensor, cluster: Tensor) -> list[list[int]]:
    """Return the clusters in the order in which they are asked, first those of more than 5 rows, then the others."""
    keys = []
    for number in torch.unique(cluster).tolist():
        rows = torch.nonzero(cluster == number).flatten()
        keys.append((int(labelled[rows].sum()), -len(rows), int(rows[0]), number))
    keys.sort()
    return [[key[3] for key in keys if -key[1] > SMALL], [key[3] for key in keys if -key[1] <= SMALL]]
