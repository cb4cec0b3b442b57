"""The plain algorithm of k-center greedy, to which the fast one is compared."""

import math

import torch
from torch import Tensor


def plain(features: Tensor, labelled: Tensor, count: int) -> tuple[list[int], list[float]]:
    """A running minimum in float64, of each centre in turn."""
    points, taken = features.double(), labelled.clone()
    nearest = torch.full((len(points),), math.inf, dtype=torch.float64)

    def add(row: int) -> Tensor:
        return torch.minimum(nearest, (points - points[row]).square_().sum(dim=1))

    for row in torch.nonzero(labelled).flatten().tolist():
        nearest = add(row)
    rows: list[int] = []
    distances: list[float] = []
    for _ in range(count):
        row = int(torch.where(taken, -1.0, nearest).argmax())
        rows.append(row)
        distances.append(math.sqrt(float(nearest[row])))
        taken[row] = True
        nearest = add(row)
    return rows, distances
