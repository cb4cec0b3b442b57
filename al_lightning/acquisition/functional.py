"""The mathematics of selection: pure tensor functions. Equation numbers are those of Mittal et al., IJCV 2025."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.errors import ALError
from al_lightning.types import Rows, Selection


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of the softmax over classes, in nats (Eq. 3).

    Args:
        logits: (B, C, ...).

    Returns:
        (B, ...) float32, between 0 and log C.
    """
    log_probability = F.log_softmax(logits.float(), dim=1)
    return -(log_probability.exp() * log_probability).sum(dim=1)


def mean_entropy(logits: Tensor) -> Tensor:
    """Return each image's mean entropy over its pixels, in nats (Eq. 4); for (B, C) logits the entropy itself.

    The map is not rescaled per image: that would cancel how uncertain the image is as a whole.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B,) float32.
    """
    return entropy(logits).flatten(1).mean(dim=1) if logits.ndim > 2 else entropy(logits)


def round_significant(x: Tensor, digits: int = 6) -> Tensor:
    """Round to significant decimal digits, in float64.

    Scores from different numbers of processes, or batch shapes, differ in their last bits; rounded, they rank alike.
    """
    x = x.double()
    exponent = torch.floor(torch.log10(x.abs().clamp(min=torch.finfo(torch.float64).tiny)))
    scale = 10.0 ** (digits - 1 - exponent)
    rounded = torch.round(x * scale) / scale
    return torch.where((x == 0) | x.isinf(), x, rounded)


def top_scores(rows: Rows, score: Tensor, count: int) -> Selection:
    """Choose the candidates with the highest scores; ties, after rounding to 6 significant digits, by position.

    Args:
        rows: what was scored.
        score: (N,) one number per row.
        count: how many.

    Raises:
        ALError: a score is NaN.
    """
    candidates = ~rows.labelled
    index, score = rows.index[candidates], score[candidates]
    if bool(score.isnan().any()):
        raise ALError(f"The score of image {int(index[score.isnan()][0])} is NaN; the network's output is not finite.")
    ranked = round_significant(score)
    order = torch.sort(ranked, descending=True, stable=True).indices[:count]
    return Selection(index[order].tolist(), ranked[order].tolist())


def k_center_greedy(features: Tensor, labelled: Tensor, count: int) -> tuple[list[int], list[float]]:
    """Choose rows one by one, each the farthest from all labelled and chosen ones (Sener and Savarese 2018).

    A running minimum of distances is kept, never an N x N matrix; distances are Euclidean and decided in float64.
    Ties go to the lower row. With nothing labelled, the first choice is row 0.

    Args:
        features: (N, D).
        labelled: (N,) bool, the centres to begin with.
        count: how many; at most the number of rows not labelled.

    Returns:
        (rows, distances): chosen row numbers in order, and each one's distance when chosen (inf for the first without
        any centre).
    """
    points = features.double()
    nearest = torch.full((len(points),), torch.inf, dtype=torch.float64)
    centres = torch.nonzero(labelled).flatten()
    # Labelled rows are centres already; -1 keeps them, and later the chosen ones, from being chosen.
    taken = labelled.clone()
    for centre in centres.tolist():
        nearest = torch.minimum(nearest, _squared_distance(points, centre))
    rows, distances = [], []
    for _ in range(count):
        row = int(torch.where(taken, -1.0, nearest).argmax())
        rows.append(row)
        distances.append(float(nearest[row].sqrt()))
        taken[row] = True
        nearest = torch.minimum(nearest, _squared_distance(points, row))
    return rows, distances


def _squared_distance(points: Tensor, row: int) -> Tensor:
    return (points - points[row]).square_().sum(dim=1)
