"""ResNet (He et al. 2016) for classification: the paper's transfer baseline, from ImageNet weights."""

from __future__ import annotations

from torch import Tensor, nn

from al_lightning.errors import UsageError
from al_lightning.networks.backbones import ResNetDepth, resnet_stages
from al_lightning.networks.base import LossPredictor, Network, pooled, run_stages
from al_lightning.networks.dropout import MCDropout
from al_lightning.types import Features, NetworkOutput


class ResNetClassifier(Network):
    """torchvision's ResNet with a new classifier; 18 layers have 11,181,642 parameters at 10 classes.

    The embedding is the pooled last stage: (B, 512), or (B, 2048) from 50 layers on.

    Args:
        num_classes: number of classes.
        depth: 18, 34, 50, 101 or 152.
        weights: `imagenet` (torchvision's, downloaded once), a path to a state dict, or none; the classifier's weights
            are never loaded.
        dropout: probability before the classifier; BALD samples it.
        loss_predictor: whether a loss predictor reads the four stages.
    """

    predicts = "image"
    foldable = True

    def __init__(
        self,
        num_classes: int,
        depth: ResNetDepth = 18,
        weights: str | None = None,
        dropout: float = 0.0,
        loss_predictor: bool = False,
    ) -> None:
        super().__init__()
        stages, channels = resnet_stages(depth, weights)
        self.backbone = nn.ModuleList(stages)
        self.dropout = MCDropout(dropout)
        self.classifier = nn.Linear(channels[-1], num_classes)
        self.loss_predictor = LossPredictor(channels) if loss_predictor else None

    def trunk(self) -> nn.Module:
        """Return everything but the classifier and the loss predictor."""
        return self.backbone

    def encode(self, image: Tensor) -> Features:
        """Return the pooled last stage as embedding, and the four stages as taps."""
        if self.training and len(image) == 1 and max(image.shape[-2:]) <= 32:
            raise UsageError(
                "ResNetClassifier trains on batches of at least 2 images a process if they are 32 pixels or less "
                "(BatchNorm over a map of one pixel)."
            )
        _, *taps = run_stages(image, self.backbone)
        embedding = pooled(taps[-1])
        return Features((), embedding, tuple(taps), (image.shape[-2], image.shape[-1]))

    def decode(self, features: Features) -> NetworkOutput:
        """Return logits, (B, C)."""
        return NetworkOutput(self.classifier(self.dropout(features.embedding)), self.predicted_loss(features))
