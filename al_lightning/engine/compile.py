"""torch.compile around training, and around nothing else."""

from __future__ import annotations

import contextlib

import torch
from torch import nn

from al_lightning.errors import TrainingError


class Compiling:
    """A fit's network, compiled for training.

    The mode is torch.compile's, or "none", which also lets a network that compiles parts of itself do so.
    """

    def __init__(self, network: nn.Module, mode: str) -> None:
        self.network = network
        self.active = mode != "none"
        if self.active:
            network.compile(mode=mode)

    def resting(self) -> contextlib.AbstractContextManager[object]:
        """Return a block in which the network runs without compilation.

        Metrics and selections follow from the weights alone, whether the weights were trained compiled or not.
        """
        return torch.compiler.set_stance("force_eager") if self.active else contextlib.nullcontext()

    def explain(self, error: Exception) -> None:
        """Raise TrainingError where an error comes from the compiler."""
        if self.active and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            reason = " ".join(str(error).strip().splitlines()[:2])
            raise TrainingError(
                f"torch.compile cannot compile {type(self.network).__name__} here ({reason}); train without it: "
                "--compile none."
            ) from error
