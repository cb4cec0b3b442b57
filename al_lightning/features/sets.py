"""Sets of features by position: in memory, and in a memory-mapped file with one row per image."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from al_lightning.types import Features

DType = Literal["float16", "float32"]


class FeatureSet(ABC):
    """The features of a set's images, by position in that set."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def rows(self, positions: Sequence[int]) -> Features:
        """Return the features of the images at positions, in this order.

        Returns:
            tensors on the CPU, (B, ...) float16 or float32 as they are stored; no taps.

        Raises:
            IndexError: there is no such position; negative ones do not count from the end.
        """


@dataclass(frozen=True)
class FeatureSets:
    """The features of a dataset: of its full training set, and of its test set, which may be empty."""

    train: FeatureSet
    test: FeatureSet


@dataclass(frozen=True)
class Layout:
    """How the features of one image lie in a row: the maps one after the other, flattened, then the embedding.

    Attributes:
        maps: (D_i, H_i, W_i) of each map.
        embedding: D, length of the embedding.
        size: (H, W) of the images.
        dtype: type of the numbers.
    """

    maps: tuple[tuple[int, int, int], ...]
    embedding: int
    size: tuple[int, int]
    dtype: DType

    @classmethod
    def of(cls, features: Features, dtype: DType) -> Layout:
        """Return the layout of features with (B, D_i, H_i, W_i) maps and a (B, D) embedding."""
        maps = tuple((part.shape[1], part.shape[2], part.shape[3]) for part in features.maps)
        height, width = features.size
        return cls(maps, features.embedding.shape[1], (height, width), dtype)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Layout:
        """Return the layout that `plain` described."""
        maps = tuple((depth, height, width) for depth, height, width in plain["maps"])
        height, width = plain["size"]
        return cls(maps, plain["embedding"], (height, width), plain["dtype"])

    def plain(self) -> dict[str, Any]:
        """Return the layout as JSON has it."""
        return {
            "maps": [list(shape) for shape in self.maps],
            "embedding": self.embedding,
            "size": list(self.size),
            "dtype": self.dtype,
        }

    @property
    def length(self) -> int:
        """R, numbers of a row."""
        return sum(map(math.prod, self.maps)) + self.embedding

    def join(self, features: Features) -> Tensor:
        """Return features as rows, (B, R) of `dtype`."""
        parts = [*(part.flatten(1) for part in features.maps), features.embedding]
        return torch.cat([part.to(getattr(torch, self.dtype)) for part in parts], dim=1)

    def split(self, rows: Tensor) -> Features:
        """Return rows, (B, R), as features, which share their memory."""
        *maps, embedding = torch.split(rows, [*map(math.prod, self.maps), self.embedding], dim=1)
        shaped = (part.unflatten(1, shape) for part, shape in zip(maps, self.maps, strict=True))
        return Features(tuple(shaped), embedding, (), self.size)


class ArrayFeatures(FeatureSet):
    """Features in memory.

    Args:
        embedding: (N, D).
        maps: (N, D_i, H_i, W_i) each.
        size: (H, W) of the images.
    """

    def __init__(self, embedding: Tensor, maps: Sequence[Tensor] = (), size: tuple[int, int] = (1, 1)) -> None:
        self._features = Features(tuple(maps), embedding, (), size)

    def __len__(self) -> int:
        return len(self._features.embedding)

    def rows(self, positions: Sequence[int]) -> Features:
        """Return copies of the features at positions."""
        chosen = torch.from_numpy(checked(positions, len(self)))
        maps, embedding, taps, size = self._features
        return Features(tuple(part[chosen] for part in maps), embedding[chosen], taps, size)


class StoredFeatures(FeatureSet):
    """Features in a memory-mapped .npy file of rows; data workers map it again.

    Args:
        path: the file, (N, R).
        layout: of its rows.
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

    def rows(self, positions: Sequence[int]) -> Features:
        """Read the rows at positions."""
        chosen = checked(positions, self._count)
        if self._map is None:
            # A view, since np.memmap itself is slow.
            self._map = np.load(self.path, mmap_mode="r").view(np.ndarray)
        return self.layout.split(torch.from_numpy(self._map[chosen]))


def checked(positions: Sequence[int], count: int) -> npt.NDArray[np.int64]:
    """Return positions as an array; raise IndexError where one is not from 0 to count - 1."""
    chosen = np.asarray(positions, dtype=np.int64).reshape(-1)
    if wrong := [int(each) for each in chosen[(chosen < 0) | (chosen >= count)][:1]]:
        raise IndexError(f"position {wrong[0]} of {count} images")
    return chosen
