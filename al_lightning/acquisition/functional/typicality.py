"""TypiClust's mathematics: the most typical vector of each cluster."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.acquisition.functional.scores import round_significant
from al_lightning.acquisition.functional.unit_vectors import UnitVectors, blocks
from al_lightning.acquisition.limits import Allowed

NEIGHBOURS = 20
"""Most neighbours over which a typicality is averaged."""
SMALL = 5
"""Clusters of so many vectors, or fewer, come last."""
CLOSEST = 1e-5
"""Added to the mean distance, which is 0 between copies."""


ROUNDING = 1e-13
"""Squared distance of vectors of length 1 below which they are copies."""


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
        square[square < ROUNDING] = 0
        square[torch.arange(len(rows)), rows] = torch.inf  # no vector is its own neighbour
        nearest = square.topk(count, dim=1, largest=False).values.sqrt()
        found.append(1 / (nearest.mean(dim=1) + CLOSEST))
    return torch.cat(found)


def typical_choice(points: UnitVectors, allowed: Allowed, cluster: Tensor, count: int) -> tuple[list[int], list[float]]:
    """Choose the most typical row of one cluster after the other (TypiClust, Hacohen et al. 2022, Algorithm 1).

    Clusters with the fewest labelled rows come first, of equally many the larger, of equal ones that with the lowest
    row; after the last the first follows again. Clusters of 5 rows or fewer are left out until no other has a row that
    may be chosen. The typicality is among the rows of the cluster that are neither labelled nor chosen. Ties, to 6
    digits, go to the lower row.

    Args:
        points: N vectors.
        allowed: which of the N rows are unlabelled, and which may be chosen; takes the choices.
        cluster: (N,) int64.
        count: number of rows to choose, at most the number of unlabelled rows.

    Returns:
        (rows, typicalities), in order of choice.
    """
    queues = _, small = _queues(~allowed.free, cluster)
    chosen: list[int] = []
    values: list[float] = []
    while len(chosen) < count:
        # Small clusters only where no large one has an open row; constraints that are loosened open large ones again.
        numbers = next(queue for queue in queues if bool(torch.isin(cluster[allowed.open], torch.tensor(queue)).any()))
        factor = allowed.factor
        for number in numbers:
            rows = torch.nonzero((cluster == number) & allowed.free).flatten()
            may = allowed.open[rows]
            if len(chosen) == count or (allowed.factor > factor and numbers is small):
                break
            if not bool(may.any()):
                continue
            value = round_significant(typicality(points.subset(rows)))
            best = int(torch.where(may, value, -1.0).argmax())  # the first of equals
            chosen.append(int(rows[best]))
            values.append(float(value[best]))
            allowed.take(chosen[-1])
    return chosen, values


def _queues(labelled: Tensor, cluster: Tensor) -> list[list[int]]:
    """Return the clusters in the order in which they are asked, first those of more than 5 rows, then the others."""
    keys = []
    for number in torch.unique(cluster).tolist():
        rows = torch.nonzero(cluster == number).flatten()
        keys.append((int(labelled[rows].sum()), -len(rows), int(rows[0]), number))
    keys.sort()
    return [[key[3] for key in keys if -key[1] > SMALL], [key[3] for key in keys if -key[1] <= SMALL]]
