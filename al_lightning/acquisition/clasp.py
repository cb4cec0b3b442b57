"""ClaSP: uncertain images of all classes, and less noise in every cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import require_finite, round_significant
from al_lightning.acquisition.functional.draws import perturbed_order, take_in_order
from al_lightning.acquisition.limits import Allowed
from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.types import Batch, Selection, SelectionInputs


class ClaSP(Acquisition):
    """ClaSP PE (Lüth et al. 2026): entropies, stratified by class, with noise that falls over the run.

    A share of the batch is spread evenly over the classes, each of which takes the images of the highest entropy times
    its probability, for segmentation the mean over pixels. The rest has the highest entropy. To the logarithm of each
    number Gumbel noise is added, divided by beta, which rises exponentially over the cycles of a run. A class that the
    network gives to no image, as a probe before it has a label of it, takes random ones. Classes are served in random
    order; with an uneven split the first ones get an image more. The score of a choice is its entropy.

    Beta depends on how many choices the run makes: with other cycles, other images are chosen from the second one on.

    The authors leave out the background of medical images; here all classes count.

    Args:
        share: share of the batch that is spread over the classes.
        beta: of the first choice.
        last_beta: of the last choice.
    """

    keeps_limits: ClassVar[bool] = True

    def __init__(self, share: float = 0.66, beta: float = 1.0, last_beta: float = 100.0) -> None:
        require("acquisition.share", share, least=0, most=1)
        require("acquisition.beta", beta, above=0)
        require("acquisition.last_beta", last_beta, above=0)
        self.share, self.beta, self.last_beta = share, beta, last_beta

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return entropies in nats, (B, 1), and how they divide over the classes, (B, C)."""
        by_class = class_entropy(network(batch.image).logits)
        return {"score": by_class.sum(dim=1, keepdim=True), "class_score": by_class}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Take some of each class, then the rest by entropy."""
        entropy, by_class = rows.part("score")[:, 0], rows.part("class_score")
        require_finite(rows, entropy, by_class)
        beta = self.beta * (self.last_beta / self.beta) ** (rows.cycle / max(1, rows.cycles - 1))
        allowed = Allowed(rows)
        chosen: list[int] = []

        def take(score: Tensor, quota: int) -> None:
            order = perturbed_order(round_significant(score), rows.index, ~rows.labelled, beta, "power", generator)
            chosen.extend(take_in_order(order, quota, allowed))

        for number, quota in class_quotas(int(self.share * count + 1e-9), by_class.shape[1], generator):
            take(by_class[:, number], quota)
        take(entropy, count - len(chosen))
        return Selection(rows.index[chosen].tolist(), entropy[chosen].tolist())


def class_entropy(logits: Tensor) -> Tensor:
    """Return the entropy times each class's probability, in nats, the mean over pixels; the sum is the entropy.

    Args:
        logits: (B, C) or (B, C, H, W).

    Returns:
        (B, C) float32.
    """
    log_probability = F.log_softmax(logits.float(), dim=1)
    probability = log_probability.exp()
    entropy = -(probability * log_probability).sum(dim=1, keepdim=True)
    by_class = probability.mul_(entropy)
    return by_class.flatten(2).mean(dim=2) if by_class.ndim > 2 else by_class


def class_quotas(count: int, classes: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Return classes in random order, and how many of `count` images each gets; the first ones one more."""
    order = generator.permutation(classes).tolist()
    return [(number, count // classes + (place < count % classes)) for place, number in enumerate(order)]
