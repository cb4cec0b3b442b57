"""Batches as pure functions of (key, step): the same for any number of workers, and after any restart.

Both datasets here are map-style over whole batches (a DataLoader with batch_size=None). So a batch depends only on its
number, and not on the state of a sampler.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from al_lightning.data.augmentation import Augmentation, Sample
from al_lightning.data.images import Images
from al_lightning.errors import DatasetError, SizesDiffer, UsageError
from al_lightning.pool import Indices
from al_lightning.seeding import generator, seed_of
from al_lightning.types import Batch


def collate(samples: Sequence[Sample], indices: Sequence[int], names: Sequence[str]) -> Batch:
    """Stack samples into a batch; images stay uint8, (B, 3, H, W).

    Raises:
        DatasetError: two images differ in size.
        SizesDiffer: a label and its image differ in size.
    """
    shape = samples[0][0].shape
    for (pixels, label), name in zip(samples, names, strict=True):
        if pixels.shape != shape:
            raise DatasetError(
                f"Images of one batch must have one size, but {names[0]} is {_size(shape)} and {name} is "
                f"{_size(pixels.shape)} (height x width); give a common one: --data.size '[{shape[0]}, {shape[1]}]'."
            )
        if not isinstance(label, int) and label.shape != pixels.shape[:2]:
            raise SizesDiffer(
                f"The label of {name} is {_size(label.shape)}, its image {_size(pixels.shape)} (height x width); "
                "both must have one size."
            )
    images = torch.from_numpy(np.stack([pixels for pixels, _ in samples]).transpose(0, 3, 1, 2))
    labels = torch.from_numpy(np.stack([label for _, label in samples]))
    return Batch(images, labels, torch.tensor(list(indices), dtype=torch.int64))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


class Stream(Dataset[Batch]):
    """An endless stream of training batches; item `step` is this process's share of that step's global batch.

    Each pass goes through the images in a new random order; a set smaller than the batch repeats within it.

    Args:
        images: the full training set.
        indices: the positions to draw from.
        batch_size: images of a step, over all processes; every process takes an equal share.
        augmentation: applied to each sample with its own seed.
        key: (seed, cycle, member).
        name: name of the stream, part of every seed's key.
        rank: this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        images: Images,
        indices: Sequence[int] | Indices,
        batch_size: int,
        augmentation: Augmentation,
        key: tuple[int, int, int],
        name: str,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size % world_size:
            option = "data.batch_size" if name == "labelled" else f"data.{name}.batch_size"
            raise UsageError(
                f"{option} counts the images of all processes and must be a multiple of their number: {batch_size} is "
                f"no multiple of {world_size}."
            )
        self.images = images
        self.indices = np.sort(np.asarray(indices, dtype=np.int64))
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.key = key
        self.name = name
        share = batch_size // world_size
        self.slots = range(rank * share, (rank + 1) * share)
        self._order: tuple[int, Indices] | None = None

    def draw(self, slot: int) -> int:
        """Return the position of the image at a slot of the endless order."""
        epoch, place = divmod(slot, len(self.indices))
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, generator(f"order/{self.name}", *self.key, epoch).permutation(self.indices)
        return int(self._order[1][place])

    def positions(self, step: int) -> list[int]:
        """Return the positions of this process's images of a step."""
        return [self.draw(step * self.batch_size + slot) for slot in self.slots]

    def __getitem__(self, step: int) -> Batch:
        indices = self.positions(step)
        samples = ((self.images.image(index), self.images.label(index)) for index in indices)
        return self.augmented(step, indices, samples, self.augmentation, self.name)

    def augmented(
        self, step: int, indices: Sequence[int], samples: Iterable[Sample], augmentation: Augmentation, name: str
    ) -> Batch:
        """Return this process's samples of a step, at positions `indices`, as a batch.

        Each sample is augmented with its own seed, whose key `name` is part of.
        """
        changed = [
            augmentation(image, label, seed_of(f"augmentation/{name}", *self.key, step, slot))
            for (image, label), slot in zip(samples, self.slots, strict=True)
        ]
        return collate(changed, indices, [self.images.name(index) for index in indices])


class StepSampler(Sampler[int]):
    """Numbers of the steps of one chunk, a fixed number of steps that Lightning calls an epoch.

    `seek` sets the next chunk, from the number of finished steps. Lightning's own `set_epoch` cannot: it is called
    after a resumed fit has made its first iterator.

    Args:
        steps: length of the fit.
        chunk: steps of a chunk; the last one may be shorter.
    """

    def __init__(self, steps: int, chunk: int) -> None:
        self.steps = steps
        self.chunk = chunk
        self.first = 0

    def seek(self, step: int) -> None:
        """Set the step that the next iteration begins with."""
        self.first = step

    def _numbers(self) -> range:
        return range(self.first, min(self.first + self.chunk, self.steps))

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers())

    def __len__(self) -> int:
        return len(self._numbers())


class PaddedBatches(Dataset[Batch]):
    """Each image once, in full batches, with the same number of batches on every process.

    The last batches are padded with index -1. Processes with unequal numbers of batches break collectives and predict
    hooks, and a last batch of another size changes the last bits of a network's output.

    Args:
        images: the set.
        indices: positions to visit.
        batch_size: images of a batch, per process.
        labels: whether labels are read; otherwise, as in scoring, all are 255.
        rank: this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        images: Images,
        indices: Sequence[int],
        batch_size: int,
        labels: bool,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.images = images
        self.labels = labels
        batches = -(-len(indices) // (batch_size * world_size))
        padded = np.full(batches * world_size * batch_size, -1, dtype=np.int64)
        padded[: len(indices)] = indices
        self.batches = padded.reshape(batches, world_size, batch_size)[:, rank]
        # Padding shows any image that exists.
        self.filler = int(indices[0]) if len(indices) else 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Batch:
        indices = [int(index) for index in self.batches[number]]
        shown = [index if index >= 0 else self.filler for index in indices]
        read = {
            index: (self.images.image(index), self.images.label(index) if self.labels else 255)
            for index in dict.fromkeys(shown)
        }
        return collate([read[index] for index in shown], indices, [self.images.name(index) for index in shown])
