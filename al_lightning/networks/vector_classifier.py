"""A linear classifier on vectors that were made elsewhere, by an encoder that is not part of this project."""

from __future__ import annotations

from torch import Tensor, nn

from al_lightning.errors import UsageError, from_home
from al_lightning.networks.base import Network
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput
from al_lightning.vector_files import dimension_of


class VectorClassifier(Network):
    """Dropout and a linear layer on the vectors of a file; it cannot see images.

    The embedding is the vector. It is trained by `training/probe`, whose features come from the file.

    Args:
        num_classes: number of classes.
        vectors: a file of vectors: .npy with a list of names beside it (.txt), .npz or .csv with the names in it.
        dropout: probability before the classifier; BALD samples it.

    Raises:
        UsageError: the file is missing, or holds no vectors.
    """

    predicts = "image"
    sees_images = False

    def __init__(self, num_classes: int, vectors: str, dropout: float = 0.5) -> None:
        super().__init__()
        self.vectors = from_home("network.vectors", vectors)
        self.dropout = MCDropout(dropout)
        self.classifier = nn.Linear(dimension_of(self.vectors), num_classes)

    def encode(self, image: Tensor) -> Features:
        """Refuse: there is no encoder.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"VectorClassifier reads the vectors in {self.vectors} and cannot see images: train it by the linear probe "
            "(..._probe), and give new images' vectors in such a file."
        )

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), None)
