"""A linear head, for strategies that compute with it."""

import torch

from al_lightning.types import LinearHead


def head(classes, width, seed=0):
    draws = torch.Generator().manual_seed(seed)
    weight = torch.randn(classes, width, generator=draws, dtype=torch.float64)
    return LinearHead(weight, torch.randn(classes, generator=draws, dtype=torch.float64))
