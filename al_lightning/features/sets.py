"""Stored features by position, in a memory-mapped file with one row per image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from al_lightning.data.feature_batches import StoredFeatures
from al_lightning.networks.from_features import Layout


class FeatureSets(NamedTuple):
    """The features of a dataset: of its full training set, and of its test set, which may be empty."""

    train: StoredFeatures
    test: StoredFeatures


class MappedFeatures:
    """Features in a memory-mapped .npy file; another process maps it again.

    Args:
        path: the file, (N, R) float16 or float32.
        layout: the parts of a row.
        count: N.
    """

    def __init__(self, path: Path, layout: Layout, count: int) -> None:
        self.path = path
        self.layout = layout
        self._count = count
        self._map: npt.NDArray[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_map": None}

    def __len__(self) -> int:
        return self._count

    def rows(self, positions: Sequence[int]) -> Tensor:
        """Read the rows at positions; raise IndexError where one is negative or too large."""
        chosen = checked(positions, self._count)
        if self._map is None:
            # A view, since np.memmap itself is slow.
            self._map = np.load(self.path, mmap_mode="r").view(np.ndarray)
        return torch.from_numpy(self._map[chosen])


def checked(positions: Sequence[int], count: int) -> npt.NDArray[np.int64]:
    """Return positions as an array; raise IndexError where one is not from 0 to count - 1."""
    chosen = np.asarray(positions, dtype=np.int64).reshape(-1)
    if wrong := [int(each) for each in chosen[(chosen < 0) | (chosen >= count)][:1]]:
        raise IndexError(f"position {wrong[0]} of {count} images")
    return chosen
