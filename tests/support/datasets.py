"""A dataset of images in memory, whose pixels say where they come from, and its batches."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import DataLoader

from al_lightning.data import Images, PoolDataset
from al_lightning.types import Batch


class Coordinates(Images):
    """Images whose pixels say where they come from: (row, column, image number), with row + column as labels."""

    def __init__(self, count=6, size=(24, 32), masks=True):
        rows, columns = np.indices(size)
        self.planes = [np.stack([rows, columns, np.full(size, n)], axis=-1).astype(np.uint8) for n in range(count)]
        self.masks = masks
        self.labels_read = 0

    def __len__(self):
        return len(self.planes)

    def image(self, index):
        return self.planes[index]

    def label(self, index):
        self.labels_read += 1
        return (self.planes[index][..., 0] + self.planes[index][..., 1]) if self.masks else index % 3

    def name(self, index):
        return f"picture {index}"


class Dataset(PoolDataset):
    """A dataset of images in memory."""

    folder = "coordinates"
    class_names = ("a", "b", "c")

    def __init__(self, images, **options):
        super().__init__(**options)
        self.images = images

    def build_train(self):
        return self.images

    def build_test(self):
        return self.images


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches hold the same tensors."""
    return all(torch.equal(a, b) for a, b in zip(one[:3], other[:3], strict=True))


def chunks_of(loader: DataLoader[Batch], seek: Callable[[int], None], chunk: int) -> list[list[Batch]]:
    """The batches of the first two chunks, as Lightning goes through them."""
    found = []
    for number in (0, 1):
        seek(number * chunk)
        found.append(list(loader))
    return found
