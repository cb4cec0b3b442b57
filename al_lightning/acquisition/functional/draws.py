"""Random choices whose draws are keyed by position: an image's draw does not depend on which others are candidates."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.limits import Allowed

Kind = Literal["power", "softmax", "softrank"]


def exponential(index: Tensor, generator: np.random.Generator) -> Tensor:
    """Draw a number from the exponential distribution of mean 1 for each position.

    The generator gives one key, of which each position's number is a function.

    Args:
        index: (N,) int64 positions, at least one.
        generator: for the key.

    Returns:
        (N,) float64, positive.
    """
    uniform = np.random.default_rng(int(generator.integers(2**63))).random(int(index.max()) + 1)
    return torch.from_numpy(-np.log1p(-uniform[index.numpy()])).clamp(min=2.0**-54)


def gumbel(index: Tensor, generator: np.random.Generator) -> Tensor:
    """Draw a number from the standard Gumbel distribution for each position, (N,) float64; see `exponential`."""
    return -exponential(index, generator).log()


def winner(log_weight: Tensor, index: Tensor, generator: np.random.Generator) -> int:
    """Draw a row with a probability proportional to its weight.

    It is the row of the smallest exponential draw over weight. Unlike with a cumulative sum, rounding in the weights of
    other rows does not move the draw.

    Args:
        log_weight: (N,) float64; -inf for a row that cannot be drawn, and finite for at least one.
        index: (N,) int64 positions.
        generator: see `exponential`.
    """
    return int((log_weight + gumbel(index, generator)).argmax())


def highest(score: Tensor, lot: Tensor) -> int:
    """Return the row of the highest score; of equal scores that of the lowest lot.

    Where scores are counts, most choices are among equals, and positions are often in the order of classes or of time.

    Args:
        score: (N,).
        lot: (N,), a number for each row, as `exponential` draws it.
    """
    best = torch.nonzero(score == score.amax()).flatten()
    return int(best[lot[best].argmin()])


def perturbed_order(
    score: Tensor, index: Tensor, free: Tensor, beta: float, kind: Kind, generator: np.random.Generator
) -> Tensor:
    """Return the free rows in the order of their perturbed scores, highest first.

    Args:
        score: (N,) float64.
        index: (N,) int64 positions, the keys of the draws.
        free: (N,) bool.
        beta: 0 draws uniformly; the larger, the nearer to the highest scores.
        kind: what is perturbed: the logarithm of the score, the score, or minus the logarithm of its rank.
        generator: for all draws.
    """
    noise = gumbel(index, generator)
    if kind == "power":
        strength = score.clamp(min=0).log()
    elif kind == "softmax":
        strength = score
    else:
        order = torch.where(free, score, -torch.inf).sort(descending=True, stable=True).indices
        strength = -order.argsort().add(1).double().log()
    # Among scores of 0 the noise alone decides, as it does among equal ones.
    first = noise.sort(descending=True, stable=True).indices
    key = torch.where(strength.isinf(), strength, beta * strength + noise)[first]
    order = first[key.sort(descending=True, stable=True).indices]
    return order[free[order]]


def take_in_order(order: Tensor, count: int, allowed: Allowed) -> list[int]:
    """Take the first open row of an order, again and again.

    Args:
        order: (n,) int64 rows, the best first.
        count: most rows to take.
        allowed: says which rows are open; it records the rows that are taken.

    Returns:
        The rows that were taken; fewer than `count` if no row of `order` is open.
    """
    taken: list[int] = []
    while len(taken) < count:
        places = allowed.open[order].nonzero()
        if not len(places):
            break
        taken.append(int(order[places[0, 0]]))
        allowed.take(taken[-1])
    return taken
