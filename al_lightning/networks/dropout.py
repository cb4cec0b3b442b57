"""Dropout with masks from a key: Monte-Carlo passes that do not depend on how a pool is split over processes."""

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
"""The CPU's masks compare random integers below this with p."""
_CHUNK = 1 << 17
"""Elements per step on the CPU, few enough for the processor's cache."""
_MOST_MASKS = 256
"""Masks that a layer keeps in memory."""


class MCDropout(nn.Module):
    """Dropout of single elements (Srivastava et al. 2014) that can stay on at test time (Gal and Ghahramani 2016).

    In training mode it draws from torch's global generator, a mask for each image. In eval mode it does nothing unless
    `sampled` sets a key. Then one mask, a function of the key and the shape alone, serves all images of all batches:
    scores do not depend on the sharding of the pool. Sampled passes have no gradient. A CPU and a GPU draw different
    masks.

    Args:
        p: probability that an element is dropped, 0 <= p < 1; with a key, to within 1/131,072.
        inplace: whether a sampled pass may overwrite its input, as in ReLU.
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
        # Channels last, as the map of a channels-last network lies in memory; any other map is copied.
        channels_last = x.detach().movedim(1, -1)
        flat = channels_last.flatten(1)
        out = torch.mul(flat, 1 / (1 - self.p), out=flat if self.inplace else torch.empty_like(flat))
        if x.device.type == "cpu":
            _drop(out, self._mask(self.key, out.shape[1]))
        else:
            generator = torch.Generator(x.device).manual_seed(self.key)
            out.mul_(torch.empty_like(out[:1]).bernoulli_(1 - self.p, generator=generator))
        return out.view(channels_last.shape).movedim(-1, 1)

    def _mask(self, key: int, count: int) -> Bits:
        """Return the mask of a key, a bit per element; kept, because all batches of a cycle need the same masks."""
        if (key, count) not in self._masks:
            if len(self._masks) >= _MOST_MASKS or any(size != count for _, size in self._masks):
                self._masks.clear()
            self._masks[key, count] = _draw(key, count, self.p)
        return self._masks[key, count]

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


def _draw(key: int, count: int, p: float) -> Bits:
    """Return 1 for each element to keep, drawn by NumPy: torch draws element by element, ten times slower."""
    generator, dropped = np.random.SFC64(key), round(p * _LEVELS)
    packed = np.empty(-(-count // 8), dtype=np.uint8)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        drawn = generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
        packed[start // 8 : (start + size + 7) // 8] = np.packbits(drawn >= dropped)
    return packed


def _drop(x: Tensor, mask: Bits) -> None:
    """Set the dropped elements of each row of (B, n) to zero, in place, on the CPU.

    The multiplication is of integers of the same size: by 0 or 1 it is right for floats of any size.
    """
    numbers = x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]).numpy()
    for start in range(0, x.shape[1], _CHUNK):
        part = numbers[:, start : start + _CHUNK]
        kept = np.unpackbits(mask[start // 8 : (start + _CHUNK) // 8], count=part.shape[1])
        np.multiply(part, kept.view(bool), out=part)


def dropouts(network: nn.Module) -> list[MCDropout]:
    """Return the `MCDropout` layers of a network with p > 0."""
    return [layer for layer in network.modules() if isinstance(layer, MCDropout) and layer.p > 0]


@contextlib.contextmanager
def sampled(network: nn.Module, key: int) -> Iterator[None]:
    """Apply the masks of a key within the block; each layer has its own masks.

    Args:
        network: in eval mode; all other layers stay in eval mode.
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
