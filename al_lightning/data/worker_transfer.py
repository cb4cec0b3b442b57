"""The transfer of batches from data workers to the training process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from al_lightning.types import Batch

SMALL = 1 << 20
"""Bytes up to which a batch is sent by value."""


class Parcel:
    """A batch that is pickled together with its pixels; unpickling gives the batch.

    torch sends each tensor as shared memory, over a connection of its own. For a batch of small images that takes the
    training process three times as long as reading the pixels from the queue's pipe.

    Args:
        batch: a Batch, or a dict of batches.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _map, (_map(self.batch, _to_array), _to_tensor)


def _to_array(tensor: Tensor) -> tuple[npt.NDArray[Any], bool]:
    # Loaded images have their channels last in memory, and a pickle would reorder them.
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return (tensor.permute(0, 2, 3, 1) if last else tensor).numpy(), last


def _to_tensor(array: tuple[npt.NDArray[Any], bool]) -> Tensor:
    tensor = torch.from_numpy(array[0])
    return tensor.permute(0, 3, 1, 2) if array[1] else tensor


def _map(batch: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Batch):
        return Batch(*map(change, batch))
    return {name: _map(part, change) for name, part in batch.items()}


def _bytes(batch: Any) -> int:
    if isinstance(batch, Batch):
        return sum(tensor.nbytes for tensor in batch)
    return sum(_bytes(part) for part in batch.values())


def parcel(batch: Any) -> Any:
    """Return a small batch of a data worker as a `Parcel`, any other batch as it is."""
    return Parcel(batch) if get_worker_info() is not None and _bytes(batch) <= SMALL else batch
