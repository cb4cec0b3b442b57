"""The training curve of a fit: its mean losses between one point and the next."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from al_lightning.errors import TrainingError

LOG_EVERY = 50
"""Steps between two points of a training curve; short fits have at least four."""


class LossCurve:
    """Sums of losses since the last point; they stay on the device, since an .item() per step would wait for the GPU.

    Args:
        steps: length of the fit.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._sums: dict[str, Tensor] = {}
        self._since = 0

    def is_due(self, step: int) -> bool:
        """Whether the curve has a point after so many steps."""
        return step % max(1, min(LOG_EVERY, self.steps // 4)) == 0 or step == self.steps

    def add(self, step: int, total: Tensor, values: Mapping[str, Tensor]) -> None:
        """Add a step's trained loss, and the scalars to log: the losses that it is the sum of, and others."""
        self._since += 1
        for name, value in values.items():
            value = value.detach().float()
            # Sums from a checkpoint are on the CPU.
            self._sums[name] = self._sums[name].to(value.device) + value if name in self._sums else value
        bad = torch.where(total.detach().isfinite(), self.steps, step)
        known = self._sums.get("_bad", bad)
        self._sums["_bad"] = torch.minimum(known.to(bad.device), bad)

    def check(self, key: tuple[int, int, int]) -> None:
        """Raise TrainingError where a loss since the last point was not finite; the key has cycle and member."""
        bad = int(self._sums.get("_bad", self.steps))
        if bad < self.steps:
            _, cycle, member = key
            raise TrainingError(
                f"The loss became NaN or infinite at step {bad} of cycle {cycle}"
                f"{f', member {member}' if member else ''}; lower the learning rate, or look at the data."
            )

    def take(self) -> dict[str, float]:
        """Return the means since the last point, empty where no step was taken, and begin the next."""
        means = {f"train/{name}": float(total) / self._since for name, total in self._sums.items() if name != "_bad"}
        self._sums, self._since = {}, 0
        return means

    def state(self) -> tuple[int, dict[str, Tensor]]:
        """Return what a checkpoint keeps."""
        return self._since, {name: total.cpu() for name, total in self._sums.items()}

    def restore(self, state: tuple[int, dict[str, Tensor]]) -> None:
        """Go on from a checkpoint."""
        self._since, sums = state
        self._sums = dict(sums)
