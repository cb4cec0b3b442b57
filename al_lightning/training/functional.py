"""The mathematics of training methods: pure tensor functions."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Annealing = Literal["linear", "log", "exp"]


def ranking_hinge(predicted: Tensor, loss: Tensor, margin: float = 1.0) -> Tensor:
    """Return how badly predicted losses rank pairs of images (Yoo and Kweon 2019, Eq. 2).

    Image i is paired with image B - 1 - i; of an odd batch the middle one has no partner. Whatever the losses, they
    receive no gradient.

    Args:
        predicted: (B,) predicted losses.
        loss: (B,) losses.
        margin: by how much the higher loss is to be predicted higher.

    Returns:
        the mean over pairs of max(0, margin - sign * (difference of predictions)), a scalar; 0 without pairs.
    """
    half = len(predicted) // 2
    if half == 0:
        return predicted.sum() * 0
    difference = (predicted - predicted.flip(0))[:half].float()
    real = (loss - loss.flip(0))[:half].detach()
    sign = torch.where(real > 0, 1.0, -1.0)
    return F.relu(margin - sign * difference).mean()


def consistency(original: Tensor, augmented: Tensor, temperature: float, threshold: float) -> tuple[Tensor, Tensor]:
    """Return UDA's consistency loss (Xie et al. 2020; Eq. 7 of Mittal et al., IJCV 2025).

    KL divergence from the prediction for the original, sharpened and without gradient, to that for the augmented image;
    images whose unsharpened highest probability does not exceed the threshold count as 0 in the mean over all.

    Args:
        original: (B, C) logits.
        augmented: (B, C) logits of the same images, augmented.
        temperature: the original's logits are divided by it.
        threshold: of the highest probability.

    Returns:
        (loss, share): scalars, in nats; the share of the images that counted.
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
    """Return the mean cross-entropy over the images whose class has at most a threshold's probability; 0 without any.

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
        real: (D,) mean over the real batch of the discriminator's features.
        fake: (D,) likewise of the predicted one.
    """
    return (real - fake).abs().mean()


def self_training(logits: Tensor, score: Tensor, threshold: float, label: Tensor, ignore: int) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of images that look real towards their own prediction (Mittal et al. 2021, Eq. 5).

    Args:
        logits: (B, C, H, W).
        score: (B,) the discriminator's probability that a prediction is real.
        threshold: an image takes part where its score is above.
        label: (B, H, W); pixels that are to be ignored (padding) do not count.
        ignore: their label.

    Returns:
        (sum, count): the sum over the pixels that take part, with gradient even where there are none, and their number.
    """
    chosen = (score.detach() > threshold)[:, None, None] & (label != ignore)
    loss = F.cross_entropy(logits.float(), logits.detach().argmax(dim=1), reduction="none")
    return (loss * chosen).sum(), chosen.sum()


def real_map(label: Tensor, prediction: Tensor, ignore: int) -> Tensor:
    """Return one-hot labels; ignored pixels show what the network predicts there.

    Left at zero they would tell a real map, which has such pixels, from a predicted one, which never has.

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
