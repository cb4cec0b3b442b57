"""Dropout whose masks can be drawn by key: Monte-Carlo passes that do not depend on how a pool is shared out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from al_lightning.errors import require

Bits = npt.NDArray[np.uint8]
_LEVELS = 1 << 16
"""Sampled masks are drawn from whole numbers below this."""
_CHUNK = 1 << 17
"""Elements that the CPU drops at a time."""
_MOST_MASKS = 256
"""That a layer keeps; more are drawn anew."""


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
        require("dropout", p, least=0, below=1)
        self.p, self.inplace = p, inplace
        self.key: int | None = None
        self._masks: dict[tuple[int, int], Bits] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, ...) to (B, ...)."""
        if self.training or self.key is None or self.p == 0:
            return F.dropout(x, self.p, self.training)
        # Channels last: the order in which such a map lies in memory. Any other is copied into it.
        placed = x.detach().movedim(1, -1)
        given = placed.flatten(1)
        out = torch.mul(given, 1 / (1 - self.p), out=given if self.inplace else torch.empty_like(given))
        if x.device.type == "cpu":
            _drop(out, self._mask(self.key, out.shape[1]))
        else:
            generator = torch.Generator(x.device).manual_seed(self.key)
            out.mul_(torch.empty_like(out[:1]).bernoulli_(1 - self.p, generator=generator))
        return out.view(placed.shape).movedim(-1, 1)

    def _mask(self, key: int, count: int) -> Bits:
        """Return the mask of a key, a bit an element; kept, since all batches of a cycle ask for the same ones."""
        if (key, count) not in self._masks:
            if len(self._masks) >= _MOST_MASKS or any(size != count for _, size in self._masks):
                self._masks.clear()
            self._masks[key, count] = _draw(key, count, self.p)
        return self._masks[key, count]

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


def _draw(key: int, count: int, p: float) -> Bits:
    """Return 1 where an element is kept, by NumPy, since torch draws an element at a time, ten times slower."""
    bits, dropped = np.random.SFC64(key), round(p * _LEVELS)
    packed = np.empty(-(-count // 8), dtype=np.uint8)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        drawn = bits.random_raw(-(-size // 4)).view(np.uint16)[:size]
        packed[start // 8 : (start + size + 7) // 8] = np.packbits(drawn >= dropped)
    return packed


def _drop(x: Tensor, mask: Bits) -> None:
    """Put zeros into (B, n) on the CPU, in place: the same elements in each row.

    In parts that stay in the cache. What is dropped is multiplied by 0 as a whole number, which does for floats of any
    size.
    """
    numbers = x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]).numpy()
    for start in range(0, x.shape[1], _CHUNK):
        part = numbers[:, start : start + _CHUNK]
        kept = np.unpackbits(mask[start // 8 : (start + _CHUNK) // 8], count=part.shape[1])
        np.multiply(part, kept.view(bool), out=part)


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
