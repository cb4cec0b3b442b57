"""Scores of images and the choice of the highest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.errors import ALError, UsageError
from al_lightning.pool import Pool
from al_lightning.types import Selection, SelectionInputs

BAND = 160_000
"""Logits per step of `entropy` on the CPU, few enough for the processor's cache."""


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of the softmax over classes, in nats (Eq. 3 of Mittal et al. 2025).

    Args:
        logits: (B, C, ...).

    Returns:
        (B, ...) float32, between 0 and log C.
    """
    needs_gradient = torch.is_grad_enabled() and logits.requires_grad
    if logits.ndim == 4 and logits.is_cpu and logits.numel() and not needs_gradient:
        lines = max(1, BAND // (logits.shape[1] * logits.shape[3]))
        images = [
            torch.cat([_entropy_in_place(band) for band in torch.split(image, lines, dim=2)], dim=1)
            for image in torch.split(logits, 1)
        ]
        return torch.cat(images)
    log_probability = F.log_softmax(logits.float(), dim=1)
    return -(log_probability.exp() * log_probability).sum(dim=1)


def _entropy_in_place(logits: Tensor) -> Tensor:
    # log sum exp z - sum z exp z / sum exp z: one exponential instead of two, and no memory for the product.
    logits = logits.float()
    shifted = logits - logits.amax(dim=1, keepdim=True)
    exponential = shifted.exp()
    total = exponential.sum(dim=1)
    return total.log().sub_(exponential.mul_(shifted).sum(dim=1).div_(total))


def mean_entropy(logits: Tensor) -> Tensor:
    """Return each image's mean entropy over its pixels, in nats (Mittal et al., Eq. 4); for (B, C) logits the entropy.

    The entropy map is not rescaled per image, which would remove the overall uncertainty of the image.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B,) float32.
    """
    return _mean_over_pixels(entropy(logits))


def mean_margin(logits: Tensor) -> Tensor:
    """Return each image's mean over pixels of the margin between its two highest probabilities; for (B, C) that margin.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B,) float32, between 0 and 1; 1 where there is a single class.
    """
    if logits.shape[1] < 2:
        return logits.new_ones(len(logits))
    highest, second = F.softmax(logits.float(), dim=1).topk(2, dim=1).values.unbind(dim=1)
    return _mean_over_pixels(highest - second)


def mean_probability(logits: Tensor) -> Tensor:
    """Return each image's class probabilities, the mean over pixels.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B, C) float32.
    """
    probability = F.softmax(logits.float(), dim=1)
    return probability.flatten(2).mean(dim=2) if logits.ndim > 2 else probability


def mean_least_confidence(logits: Tensor) -> Tensor:
    """Return each image's mean over pixels of 1 minus the highest probability; for (B, C) logits that number.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B,) float32, between 0 and 1 - 1 / C.
    """
    return _mean_over_pixels(1 - F.softmax(logits.float(), dim=1).amax(dim=1))


def mutual_information(passes: Iterable[Tensor]) -> Tensor:
    """Return each image's mutual information of class and weights, in nats, the mean over pixels (BALD).

    It is the entropy of the mean probability minus the mean entropy of the passes (Eq. 6 of Mittal et al. 2025).

    Args:
        passes: logits of each pass, (B, C) or (B, C, H, W), at least one; one is in memory at a time.

    Returns:
        (B,) float32, between 0 and log C.
    """
    count, total, entropies = 0, torch.zeros(()), torch.zeros(())
    for logits in passes:
        probability = F.softmax(logits.float(), dim=1)
        # The same formula for both entropies: those of equal passes cancel up to rounding.
        entropies = entropies + _entropy_of_probability(probability)
        total = total + probability
        count += 1
    if count == 0:
        raise ValueError("mutual information needs at least one pass")
    information = _entropy_of_probability(total / count) - entropies / count
    return _mean_over_pixels(information).clamp(min=0)  # only rounding makes it negative


def variation_ratio(classes: Tensor) -> Tensor:
    """Return the share of members that do not predict the most frequent class, 1 - f_mode / T (Eq. 1 of Mittal et al.).

    Args:
        classes: (T, N) predicted class by each of T members for each image.

    Returns:
        (N,) float32 in {0, 1/T, ..., (T - 1)/T}.
    """
    agreeing = (classes[:, None] == classes[None]).sum(dim=1)
    return 1 - agreeing.amax(dim=0) / len(classes)


def require_finite(rows: SelectionInputs, *values: Tensor) -> None:
    """Raise ALError where what `score` returned of an image is not finite; the message names the image.

    Args:
        rows: the scored images.
        values: (N, ...) each.
    """
    for value in values:
        bad = ~value.isfinite().reshape(len(value), -1).all(dim=1)
        if bool(bad.any()):
            raise ALError(
                f"What the network says of image {int(rows.index[bad][0])} is not finite; check its training, or the "
                "strategy."
            )


def _mean_over_pixels(x: Tensor) -> Tensor:
    return x.flatten(1).mean(dim=1) if x.ndim > 1 else x


def _entropy_of_probability(probability: Tensor) -> Tensor:
    # Ten times faster than xlogy; 0 log 0 is 0 here too.
    tiny = torch.finfo(probability.dtype).tiny
    return -(probability * probability.clamp(min=tiny).log()).sum(dim=1)


def sequences_in_time(pool: Pool) -> list[list[int]]:
    """Return the positions of each sequence of a pool, in the order of their frames.

    Raises:
        UsageError: the pool has no order in time.
    """
    if pool.sequence is None or pool.frame is None:
        raise UsageError(
            "This strategy needs the images' order in time, and the dataset has none; if file names hold sequence and "
            "frame, describe them with --data.sequence_pattern (data.sequence_pattern in a config)."
        )
    sequences: dict[int, list[int]] = {}
    for position in np.lexsort((pool.frame, pool.sequence)).tolist():
        sequences.setdefault(pool.sequence[position], []).append(position)
    return list(sequences.values())


def round_significant(x: Tensor, digits: int = 6) -> Tensor:
    """Round to significant decimal digits, in float64.

    Rounded scores rank alike for all numbers of processes and batch shapes, which change the last bits.
    """
    x = x.double()
    exponent = torch.floor(torch.log10(x.abs().clamp(min=torch.finfo(torch.float64).tiny)))
    scale = 10.0 ** (digits - 1 - exponent)
    rounded = torch.round(x * scale) / scale
    return torch.where((x == 0) | x.isinf(), x, rounded)


def top_scores(rows: SelectionInputs, score: Tensor, count: int, *ties: Tensor) -> Selection:
    """Choose the candidates with the highest scores, rounded to 6 significant digits.

    Args:
        rows: the scored images.
        score: (N,), a number for each row.
        count: number of images to choose.
        ties: further numbers for each row, (N,) each, which decide between equal scores, highest first; then the lower
            position wins.

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
            raise ALError(
                f"The score of image {image} is NaN: the network's output is not finite, or the strategy is wrong."
            )
        order = order[torch.sort(key[order], descending=True, stable=True).indices]
    order = order[:count]
    return Selection(index[order].tolist(), keys[0][order].tolist())
