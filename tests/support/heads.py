"""A classifier with a linear head on its embedding, for strategies that compute with it."""

import torch
from torch import nn

from al_lightning.acquisition.testing import TinyClassifier
from al_lightning.types import LinearHead, NetworkOutput


class LinearClassifier(TinyClassifier):
    """The conformance kit's classifier with `nn.Linear` instead of a convolution."""

    def __init__(self, num_classes=4):
        super().__init__(num_classes)
        self.classifier = nn.Linear(12, num_classes)
        with torch.no_grad():
            self.classifier.weight.mul_(8)

    def decode(self, features):
        return NetworkOutput(self.classifier(features.embedding), self.predicted_loss(features))


def head(classes, width, seed=0):
    draws = torch.Generator().manual_seed(seed)
    weight = torch.randn(classes, width, generator=draws, dtype=torch.float64)
    return LinearHead(weight, torch.randn(classes, generator=draws, dtype=torch.float64))
