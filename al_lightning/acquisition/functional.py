"""The mathematics of selection: pure functions. Equation numbers are those of Mittal et al., IJCV 2025."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.acquisition.k_center import k_center_greedy as k_center_greedy  # one of the family
from al_lightning.errors import ALError, UsageError
from al_lightning.pool import Pool
from al_lightning.types import Selection, SelectionInputs

BAND = 160_000
"""Numbers of an image's logits that are looked at together on the CPU."""


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of the softmax over classes, in nats (Eq. 3).

    Args:
        logits: (B, C, ...).

    Returns:
        (B, ...) float32, between 0 and log C.
    """
    if logits.ndim == 4 and logits.is_cpu and logits.numel():
        # In bands of lines, what a step leaves is in the processor's cache for the next.
        of = _entropy if torch.is_grad_enabled() and logits.requires_grad else _entropy_in_place
        lines = max(1, BAND // (logits.shape[1] * logits.shape[3]))
        images = [
            torch.cat([of(band) for band in torch.split(image, lines, dim=2)], dim=1)
            for image in torch.split(logits, 1)
        ]
        return torch.cat(images)
    return _entropy(logits)


def _entropy(logits: Tensor) -> Tensor:
    log_probability = F.log_softmax(logits.float(), dim=1)
    return -(log_probability.exp() * log_probability).sum(dim=1)


def _entropy_in_place(logits: Tensor) -> Tensor:
    # log sum exp z - sum z exp z / sum exp z: one exponential instead of two, and no new memory for the product.
    logits = logits.float()
    shifted = logits - logits.amax(dim=1, keepdim=True)
    exponential = shifted.exp()
    total = exponential.sum(dim=1)
    return total.log().sub_(exponential.mul_(shifted).sum(dim=1).div_(total))


def mean_entropy(logits: Tensor) -> Tensor:
    """Return each image's mean entropy over its pixels, in nats (Eq. 4); for (B, C) logits the entropy itself.

    The map is not rescaled per image: that would cancel how uncertain the image is as a whole.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B,) float32.
    """
    return _mean_over_pixels(entropy(logits))


def entropy_of_views(views: Iterable[Tensor]) -> Tensor:
    """Return the sum over an image's views of their mean entropies, in nats (Eq. 5, EquAL: the image and its mirror).

    No view is turned back: a mean over pixels does not depend on where they are. Of the views one is held at a time.

    Args:
        views: each one's logits, (B, C) or (B, C, H, W); V of them, at least one.

    Returns:
        (B,) float32, between 0 and V log C.
    """
    entropies = []
    for logits in views:
        entropies.append(mean_entropy(logits))
        del logits  # before the next view is computed, which takes its memory
    if not entropies:
        raise ValueError("an entropy of views needs at least one view")
    return torch.stack(entropies).sum(dim=0)


def mutual_information(passes: Iterable[Tensor]) -> Tensor:
    """Return each image's mutual information of class and network, the mean over pixels, in nats (Eq. 6, BALD).

    It is the entropy of the mean probability less the mean entropy of the passes. Of the passes only running sums are
    kept.

    Args:
        passes: each one's logits, (B, C) or (B, C, H, W); at least one.

    Returns:
        (B,) float32, between 0 and log C.
    """
    count, total, entropies = 0, torch.zeros(()), torch.zeros(())
    for logits in passes:
        probability = F.softmax(logits.float(), dim=1)
        # One formula for both entropies, so that equal passes cancel to the last bits.
        entropies = entropies + _entropy_of_probability(probability)
        total = total + probability
        count += 1
    if count == 0:
        raise ValueError("mutual information needs at least one pass")
    information = _entropy_of_probability(total / count) - entropies / count
    return _mean_over_pixels(information).clamp(min=0)  # rounding alone can make it negative


def variation_ratio(classes: Tensor) -> Tensor:
    """Return the share of members that do not predict the commonest class, 1 - f_mode / T (Eq. 1).

    Args:
        classes: (T, N) predicted class of each member and image.

    Returns:
        (N,) float32 in {0, 1/T, ..., (T - 1)/T}.
    """
    agreeing = (classes[:, None] == classes[None]).sum(dim=1)
    return 1 - agreeing.amax(dim=0) / len(classes)


def _mean_over_pixels(x: Tensor) -> Tensor:
    return x.flatten(1).mean(dim=1) if x.ndim > 1 else x


def _entropy_of_probability(probability: Tensor) -> Tensor:
    # Not xlogy, which is ten times slower; 0 log 0 is 0 here too.
    tiny = torch.finfo(probability.dtype).tiny
    return -(probability * probability.clamp(min=tiny).log()).sum(dim=1)


def evenly_spread(size: int, count: int) -> list[int]:
    """Return `count` of the places 0 .. size - 1 at equal distances: floor(i x size / count)."""
    return [number * size // count for number in range(count)]


def sequences_in_time(pool: Pool) -> list[list[int]]:
    """Return the positions of each sequence of a pool, in the order of their frames.

    Raises:
        UsageError: the pool has no time order.
    """
    if pool.sequence is None or pool.frame is None:
        raise UsageError(
            "This strategy goes by the time order of the images, and the dataset tells none; where file names do, "
            "name their sequence and frame with --data.sequence_pattern (data.sequence_pattern in a config)."
        )
    found: dict[int, list[int]] = {}
    for position in np.lexsort((pool.frame, pool.sequence)).tolist():
        found.setdefault(pool.sequence[position], []).append(position)
    return list(found.values())


def round_significant(x: Tensor, digits: int = 6) -> Tensor:
    """Round to significant decimal digits, in float64.

    Scores from different numbers of processes, or batch shapes, differ in their last bits; rounded, they rank alike.
    """
    x = x.double()
    exponent = torch.floor(torch.log10(x.abs().clamp(min=torch.finfo(torch.float64).tiny)))
    scale = 10.0 ** (digits - 1 - exponent)
    rounded = torch.round(x * scale) / scale
    return torch.where((x == 0) | x.isinf(), x, rounded)


def top_scores(rows: SelectionInputs, score: Tensor, count: int, *ties: Tensor) -> Selection:
    """Choose the candidates with the highest scores, each rounded to 6 significant digits before it is compared.

    Args:
        rows: what was scored.
        score: (N,) one number per row.
        count: how many.
        ties: more numbers per row, (N,) each: where all before are equal the next decides, highest first; then the
            lower position goes first.

    Raises:
        ALError: a score is NaN.
    """
    candidates = ~rows.labelled
    index = rows.index[candidates]
    keys = [round_significant(key[candidates]) for key in (score, *ties)]
    order = torch.arange(len(index))
    for key in reversed(keys):
        if bool(key.isnan().any()):
            image = int(index[key.isnan()][0])
            raise ALError(f"The score of image {image} is NaN; the network's output is not finite.")
        order = order[torch.sort(key[order], descending=True, stable=True).indices]
    order = order[:count]
    return Selection(index[order].tolist(), keys[0][order].tolist())
