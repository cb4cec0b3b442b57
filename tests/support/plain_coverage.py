"""The greedy algorithms of MaxHerding and ProbCover as they are written down: all distances, in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.acquisition.functional import round_significant


def distances(features: Tensor) -> Tensor:
    """(N, N) float64, between the vectors scaled to length 1."""
    unit = features.double()
    length = unit.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, unit / length, 0.0)
    return (unit[:, None] - unit[None]).square().sum(dim=2).sqrt()


def coverage(kernel: Tensor, chosen: list[int], labelled: Tensor, weight: Tensor) -> float:
    """The mean over the unlabelled rows of weight times the largest kernel value with a labelled or chosen row."""
    centres = torch.nonzero(labelled).flatten().tolist() + chosen
    best = kernel[:, centres].amax(dim=1) if centres else torch.zeros(len(kernel), dtype=torch.float64)
    return float((weight * best)[~labelled].mean())


def herding(
    features: Tensor, labelled: Tensor, count: int, radius: float = 1.0, weight: Tensor | None = None
) -> tuple[list[int], list[float]]:
    """Rows and gains."""
    kernel = torch.exp(-((distances(features) / radius) ** 2))
    return greedy(kernel, labelled, count, weight)


def greedy(kernel: Tensor, labelled: Tensor, count: int, weight: Tensor | None = None) -> tuple[list[int], list[float]]:
    """The row of the largest gain, of equal ones (to 6 digits) the lower row, `count` times."""
    weight = torch.ones(len(kernel), dtype=torch.float64) if weight is None else weight.double()
    references = ~labelled
    cover = kernel[:, labelled].amax(dim=1) if bool(labelled.any()) else torch.zeros(len(kernel), dtype=torch.float64)
    free, chosen, gains = ~labelled, [], []
    for _ in range(count):
        gain = ((kernel - cover[:, None]).clamp(min=0) * weight[:, None])[references].sum(dim=0)
        gain = round_significant(torch.where(gain > 1e-9, gain, 0.0))
        row = int(torch.where(free, gain, -1.0).argmax())
        chosen.append(row)
        gains.append(float(gain[row]) / int(references.sum()))
        free = free & (torch.arange(len(free)) != row)
        cover = torch.maximum(cover, kernel[:, row])
    return chosen, gains
