"""UHerding: images that cover the uncertain part of the pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.functional import mean_margin, require_finite
from al_lightning.acquisition.functional.herding import herding, labelled_radius
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.errors import require
from al_lightning.networks.base import Network
from al_lightning.networks.from_features import FromFeatures
from al_lightning.networks.logistic import UNIT_PENALTY, temperature_of
from al_lightning.types import Batch, Selection, SelectionInputs


class UHerding(OnEmbeddings):
    """MaxHerding in which each image counts by its uncertainty, 1 minus the margin (Bae et al. 2025, Algorithm 1).

    Two things make it choose by coverage with few labels, and by uncertainty with many. The kernel's radius is the
    smallest distance between two labelled images that differ. The margin is that of the network's probabilities; those
    of a linear probe are at a temperature that calibrates its head, fitted on four fifths of the labelled images and
    held against the others. The paper trains a second network on 70 % of them instead.

    For segmentation the margin is the mean over pixels. There is no temperature there, nor where the embeddings are
    those of another encoder, nor for a network that was trained: it has seen the labels that would be held out. The
    score of a choice is by how much it raised the mean weighted coverage of the unlabelled images. Once nothing
    uncertain is left to cover, as with one class labelled, all images count alike.

    Args:
        features: see `OnEmbeddings`; the margins are those of the run's own network.
        temperature: divides the logits of images with one class; None to find that of a probe. 1 for a probe that is
            calibrated already (`training.calibrate`).
    """

    reads_labels: ClassVar[bool] = True
    keeps_limits: ClassVar[bool] = True

    def __init__(self, features: str | None = None, temperature: float | None = None) -> None:
        super().__init__(features)
        if temperature is not None:
            require("acquisition.temperature", temperature, above=0)
        self.temperature = temperature

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return embeddings, (B, D), and probabilities, (B, C), or without a temperature 1 minus the margin, (B, 1)."""
        features = network.encode(batch.image)
        logits = network.decode(features).logits
        probed = isinstance(network, FromFeatures) and not self.features
        if logits.ndim == 2 and (probed or self.temperature is not None):
            said = {"probability": logits.float().softmax(dim=1)}
        else:
            said = {"uncertainty": 1 - mean_margin(logits)[:, None]}
        return said if self.features else {**said, "embedding": features.embedding}

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Choose by `herding`, weighted."""
        embedding = self.finite_embedding(rows)
        require_finite(rows, rows.value[0])
        points = UnitVectors(embedding)
        radius = labelled_radius(points.subset(torch.nonzero(rows.labelled).flatten()))
        reach = f"an image stands for others up to a distance of about {radius:.3g}"
        if "probability" in rows.columns:
            temperature = self._temperature(rows, embedding, generator)
            logits = rows.part("probability").double().log() / temperature
            weight = 1 - mean_margin(logits)
            note = f"{reach}; its probabilities are those at temperature {temperature:.3g}"
        else:
            weight, note = rows.part("uncertainty")[:, 0], f"{reach}; its probabilities are not calibrated"
        found = herding(points, Allowed(rows), count, generator, radius, weight.clamp(min=0))
        return Selection(rows.index[found.rows].tolist(), found.gains, "; ".join(filter(None, (note, found.note))))

    def _temperature(self, rows: SelectionInputs, embedding: Tensor, generator: np.random.Generator) -> float:
        if self.temperature is not None:
            return self.temperature
        if rows.shares is None or not bool(rows.labelled.any()):
            return 1.0
        label = rows.shares[rows.labelled].argmax(dim=1)
        penalty = UNIT_PENALTY / embedding.shape[1]
        return temperature_of(embedding[rows.labelled], label, rows.shares.shape[1], penalty, generator)
