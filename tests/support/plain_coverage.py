"""MaxHerding's, ProbCover's and DCoM's greedy algorithms as they are written down: all distances, in float64."""

from __future__ import annotations

import math

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


def dcom(
    features: Tensor, label: dict[int, int], predicted: Tensor, doubt: Tensor, count: int, most: float
) -> tuple[list[int], float, float]:
    """DCoM's rows, the competence, and the mean radius; the label of each labelled row is given."""
    between, centres = distances(features), list(label)
    said = predicted.clone()
    said[centres] = torch.tensor(list(label.values()))
    share = 0.4 + 0.2 * float((between[centres] < most).any(dim=0).double().mean())
    radii = []
    for row in centres:
        inside = [far for far in between[row].tolist() if far < most]
        last = max(far for far in inside if float((said[between[row] <= far] == label[row]).double().mean()) >= share)
        beyond = between[row][between[row] > last]
        radii.append((last + float(beyond.min())) / 2 if len(beyond) and float(beyond.min()) < most else most)
    covered = (between[centres] < torch.tensor(radii, dtype=torch.float64)[:, None]).any(dim=0)
    radius = sum(radii) / len(radii)
    competence = (1 + math.exp(-3)) / (1 + math.exp(-30 * (float(covered.double().mean()) - 0.9)))
    free = torch.ones(len(features), dtype=torch.bool)
    free[centres] = False
    chosen: list[int] = []
    for _ in range(count):
        density = ((between < radius) & ~covered).sum(dim=1).double() * free
        parts = [
            (each - each.min()) / (each.max() - each.min()) if each.max() > each.min() else 0 * each
            for each in (doubt.double() * free, density)
        ]
        mixed = round_significant(competence * parts[0] + (1 - competence) * parts[1])
        row = int(torch.where(free, mixed, -1.0).argmax())
        chosen.append(row)
        free[row] = False
        covered = covered | (between[row] < radius)
    return chosen, competence, radius
