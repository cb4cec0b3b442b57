"""How a batch is sent from a data worker to the process that trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from al_lightning.types import Batch

SMALL = 1 << 20
"""Bytes up to which pixels travel by value."""


class Parcel:
    """A batch that is pickled with its pixels; unpickling gives the batch.

    torch sends each tensor as shared memory, by a connection of its own. For a batch of small images that takes the
    training process three times as long as reading the pixels from the queue's pipe.

    Args:
        batch: a Batch, or a dict of such.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __reduce__(self) -> tuple[Callable[[Any], Any], tuple[Any]]:
        return _opened, (_each(self.batch, _as_it_lies),)


def _as_it_lies(tensor: Tensor) -> tuple[npt.NDArray[Any], bool]:
    # A pickle puts an array's axes in order, and channels lie last in images as they are loaded.
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return (tensor.permute(0, 2, 3, 1) if last else tensor).numpy(), last


def _opened(arrays: Any) -> Any:
    return _each(arrays, _tensor)


def _tensor(array: tuple[npt.NDArray[Any], bool]) -> Tensor:
    tensor = torch.from_numpy(array[0])
    return tensor.permute(0, 3, 1, 2) if array[1] else tensor


def _each(batch: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Batch):
        return Batch(*map(change, batch))
    return {name: _each(part, change) for name, part in batch.items()}


def _bytes(batch: Any) -> int:
    if isinstance(batch, Batch):
        return sum(tensor.nbytes for tensor in batch if isinstance(tensor, Tensor))
    return sum(_bytes(part) for part in batch.values())


def parcel(batch: Any) -> Any:
    """Return a small batch of a data worker as a `Parcel`, any other batch as it is."""
    return Parcel(batch) if get_worker_info() is not None and _bytes(batch) <= SMALL else batch
