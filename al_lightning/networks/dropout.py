"""Dropout whose masks can be drawn by key: Monte-Carlo passes that do not depend on how a pool is shared out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import UsageError

_LEVELS = 1 << 16
"""Sampled masks are drawn from whole numbers below this."""
_CHUNK = 1 << 18
"""Elements of a mask that the CPU draws at a time: they stay in its cache, and large tensors are costly to make."""


class MCDropout(nn.Module):
    """Dropout (Srivastava et al. 2014) of single elements, which can go on at test time (Gal and Ghahramani 2016).

    Training draws from torch's global generator, an element of the batch at a time. In eval mode it does nothing,
    unless `sampled` gives it a key: then one mask, a function of key and shape alone, serves all images of all
    batches, so that any sharding of a pool gives the same scores. Sampled passes have no gradient. Masks of the CPU and
    of a GPU differ.

    Args:
        p: probability of an element to be dropped, 0 <= p < 1; by a key, to within 1/131,072.
        inplace: whether a sampled pass may overwrite its input, as ReLU's option of that name.
    """

    def __init__(self, p: float, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageError(f"dropout is {p}; a probability of at least 0 and below 1 was expected.")
        self.p, self.inplace = p, inplace
        self.key: int | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, ...) to (B, ...)."""
        if self.training or self.key is None or self.p == 0:
            return F.dropout(x, self.p, self.training)
        # Channels last: the order in which such a map lies in memory. Any other is copied into it.
        placed = x.detach().movedim(1, -1)
        given = placed.flatten(1)
        out = given if self.inplace else torch.empty_like(given)
        start = 0
        for mask in _masks(given.shape[1], self.p, self.key, x.device):
            part = slice(start, start := start + len(mask))
            torch.mul(given[:, part], mask.to(x.dtype).div_(1 - self.p), out=out[:, part])
        return out.view(placed.shape).movedim(-1, 1)

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


def _masks(count: int, p: float, key: int, device: torch.device) -> Iterator[Tensor]:
    """Yield a mask in parts, 1 where an element is kept: in small ones on the CPU, in one part elsewhere."""
    if device.type != "cpu":
        yield torch.empty(count, device=device).bernoulli_(1 - p, generator=torch.Generator(device).manual_seed(key))
        return
    # torch draws an element at a time, ten times slower; a pass of a large decoder wants tens of millions.
    bits, dropped = np.random.SFC64(key), round(p * _LEVELS)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        drawn = bits.random_raw(-(-size // 4)).view(np.uint16)[:size]
        yield torch.from_numpy((drawn >= dropped).view(np.uint8))


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
