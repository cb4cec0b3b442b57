"""Dropout whose masks can be drawn by key: Monte-Carlo passes that do not depend on how a pool is shared out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import UsageError


class MCDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) of single elements, which can go on at test time (Gal and Ghahramani 2016).

    Training draws from torch's global generator, an element of the batch at a time. In eval mode it does nothing,
    unless `sampled` gives it a key: then one mask, a function of key and shape alone, serves all images of all
    batches, so that any sharding of a pool gives the same scores.

    Args:
        p: probability of an element to be dropped, 0 <= p < 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageError(f"dropout is {p}; a probability of at least 0 and below 1 was expected.")
        self.p = p
        self.key: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, ...) to (B, ...)."""
        if self.training or self.key is None or self.p == 0:
            return F.dropout(x, self.p, self.training)
        generator = torch.Generator(x.device).manual_seed(self.key)
        mask = torch.empty((1, *x.shape[1:]), dtype=x.dtype, device=x.device)
        return x * mask.bernoulli_(1 - self.p, generator=generator).div_(1 - self.p)

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


def dropouts(network: nn.Module) -> list[MCDropout]:
    """Return the layers of a network that can be sampled, those that never drop aside."""
    return [layer for layer in network.modules() if isinstance(layer, MCDropout) and layer.p > 0]


@contextlib.contextmanager
def sampled(network: nn.Module, key: int) -> Iterator[None]:
    """Let a network in eval mode drop by the masks of a key; each layer has masks of its own.

    Args:
        network: all else of it stays in eval mode.
        key: of one Monte-Carlo pass, 32 bits.
    """
    layers = dropouts(network)
    for number, layer in enumerate(layers):
        layer.key = key * len(layers) + number
    try:
        yield
    finally:
        for layer in layers:
            layer.key = None
