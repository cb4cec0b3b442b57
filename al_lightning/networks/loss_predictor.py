"""The loss predictor, a small network that predicts each image's loss from the network's stages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LossPredictor(nn.Module):
    """Global mean, linear layer and ReLU for each tap; a linear layer joins them (Yoo and Kweon 2019).

    Args:
        channels: channels of each tap.
        width: features per tap.

    Attributes:
        stop_gradient: whether the gradient of the predicted loss stops here and does not reach the network.
    """

    def __init__(self, channels: Sequence[int], width: int = 128) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(count, width) for count in channels)
        self.join = nn.Linear(len(channels) * width, 1)
        self.stop_gradient = False

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Map the taps, (B, D_i, H_i, W_i) each, to predicted losses, (B,)."""
        parts = []
        for branch, tap in zip(self.branches, taps, strict=True):
            pooled = torch.flatten(F.adaptive_avg_pool2d(tap.detach() if self.stop_gradient else tap, 1), 1)
            parts.append(F.relu(branch(pooled)))
        return self.join(torch.cat(parts, dim=1)).squeeze(1)  # type: ignore[no-any-return]
