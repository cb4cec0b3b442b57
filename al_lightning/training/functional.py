"""The mathematics of training methods: pure tensor functions."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.networks.base import predicted_classes

Annealing = Literal["linear", "log", "exp"]


def ranking_hinge(predicted: Tensor, loss: Tensor, margin: float = 1.0) -> Tensor:
    """Return how badly predicted losses rank pairs of images (Yoo and Kweon 2019, Eq. 2).

    Image i is paired with image B - 1 - i; in an odd batch the middle image has no partner. `loss` gets no gradient.

    Args:
        predicted: (B,) predicted losses.
        loss: (B,) losses.
        margin: required difference between the predictions of a pair.

    Returns:
        The mean over pairs of max(0, margin - sign * (difference of predictions)), a scalar; 0 without pairs.
    """
    half = len(predicted) // 2
    if half == 0:
        return predicted.sum() * 0
    difference = (predicted - predicted.flip(0))[:half].float()
    real = (loss - loss.flip(0))[:half].detach()
    sign = torch.where(real > 0, 1.0, -1.0)
    return F.relu(margin - sign * difference).mean()


def consistency(original: Tensor, augmented: Tensor, temperature: float, threshold: float) -> tuple[Tensor, Tensor]:
    """Return UDA's consistency loss (Xie et al. 2020).

    It is the KL divergence from the prediction for the original image, sharpened and without gradient, to that for the
    augmented image. Images whose highest probability, before sharpening, does not exceed the threshold count as 0 in
    the mean over all images.

    Args:
        original: (B, C) logits.
        augmented: (B, C) logits of the same images, augmented.
        temperature: divisor of the original's logits.
        threshold: threshold of the highest probability.

    Returns:
        (loss, share): scalars; the loss in nats, and the share of the images above the threshold.
    """
    fixed = original.detach().float()
    confident = (fixed.softmax(dim=1).amax(dim=1) > threshold).float()
    target = F.log_softmax(fixed / temperature, dim=1)
    divergence = F.kl_div(F.log_softmax(augmented.float(), dim=1), target, reduction="none", log_target=True).sum(dim=1)
    return (divergence * confident).mean(), confident.mean()


def annealed_threshold(t: float, num_classes: int, annealing: Annealing) -> float:
    """Return the probability above which a labelled image does not train (signal annealing, Xie et al. 2020).

    It rises from 1 / C to 1 with progress t through the fit, 0 <= t <= 1: linearly, first quickly (`log`), or first
    slowly (`exp`).
    """
    shares = {"linear": t, "log": 1 - math.exp(-5 * t), "exp": math.exp(5 * (t - 1))}
    return shares[annealing] * (1 - 1 / num_classes) + 1 / num_classes


def annealed_cross_entropy(logits: Tensor, label: Tensor, threshold: float) -> Tensor:
    """Return the mean cross-entropy over the images whose class has at most the threshold's probability; 0 without any.

    Args:
        logits: (B, C).
        label: (B,) classes.
        threshold: see `annealed_threshold`.
    """
    loss = F.cross_entropy(logits.float(), label, reduction="none")
    counts = (torch.exp(-loss.detach()) <= threshold).float()
    return (loss * counts).sum() / counts.sum().clamp(min=1)


def feature_matching(real: Tensor, fake: Tensor) -> Tensor:
    """Return the mean over features of the distance of two batch means (Mittal et al. 2021, Eq. 4).

    Args:
        real: (D,) mean of the discriminator's features over the batch of labels.
        fake: (D,) mean of the discriminator's features over the batch of predictions.
    """
    return (real - fake).abs().mean()


def self_training(logits: Tensor, score: Tensor, threshold: float, label: Tensor, ignore: int) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy towards their own prediction of images that look real (Mittal et al. 2021, Eq. 5).

    Args:
        logits: (B, C, H, W).
        score: (B,) the discriminator's probability that a prediction is real.
        threshold: an image takes part where its score is above.
        label: (B, H, W), for the pixels to ignore (padding).
        ignore: label of ignored pixels.

    Returns:
        (sum, count): the sum over the pixels that take part, and their number; the sum has a gradient even without any.
    """
    chosen = (score.detach() > threshold)[:, None, None] & (label != ignore)
    loss = F.cross_entropy(logits.float(), predicted_classes(logits.detach()), reduction="none")
    return (loss * chosen).sum(), chosen.sum()


def real_map(label: Tensor, prediction: Tensor, ignore: int) -> Tensor:
    """Return one-hot labels, with the network's prediction at ignored pixels.

    With zeros there, the discriminator could tell labels, which have ignored pixels, from predictions, which have none.

    Args:
        label: (B, H, W).
        prediction: (B, C, H, W) probabilities for the same images; without gradient.
        ignore: label of ignored pixels.

    Returns:
        (B, C, H, W) of the prediction's dtype.
    """
    known = label != ignore
    hot = F.one_hot(torch.where(known, label, 0).long(), prediction.shape[1]).movedim(-1, 1).to(prediction.dtype)
    return torch.where(known[:, None], hot, prediction.detach())
