"""Batches as pure functions of (key, step): the same for any number of workers, and after any restart.

Both datasets here are map-style over whole batches (a DataLoader with batch_size=None), so that what a batch holds is
decided by its number alone and not by the state of a sampler.
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
        DatasetError: images of one batch differ in size; the message names two of them.
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
                "they must be of one size."
            )
    images = torch.from_numpy(np.stack([pixels for pixels, _ in samples]).transpose(0, 3, 1, 2))
    labels = torch.from_numpy(np.stack([label for _, label in samples]))
    return Batch(images, labels, torch.tensor(list(indices), dtype=torch.int64))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


class Stream(Dataset[Batch]):
    """An endless stream of training batches; item `step` is this process's share of that step's global batch.

    The images are gone through in random order, again and again; a set smaller than the batch repeats within it.

    Args:
        images: the full training set.
        indices: the positions to draw from.
        batch_size: global batch size; every process takes an equal share of it.
        augmentation: applied to each sample with a seed of its own.
        key: (seed, cycle, member).
        name: the stream's name, part of every key.
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
                f"{option} is global and must divide by the number of processes: {batch_size} does not by {world_size}."
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
        """Return the position of the image at a place in the endless order."""
        lap, place = divmod(slot, len(self.indices))
        if self._order is None or self._order[0] != lap:
            self._order = lap, generator(f"order/{self.name}", *self.key, lap).permutation(self.indices)
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
        """Return this process's samples of a step as a batch, each changed by an augmentation with its own seed.

        Args:
            step: number of the step.
            indices: positions of the samples.
            samples: image and label of each.
            augmentation: what changes them.
            name: part of the seeds' keys.
        """
        changed = [
            augmentation(image, label, seed_of(f"augmentation/{name}", *self.key, step, slot))
            for (image, label), slot in zip(samples, self.slots, strict=True)
        ]
        return collate(changed, indices, [self.images.name(index) for index in indices])


class StepSampler(Sampler[int]):
    """Numbers of the steps of one chunk: what Lightning calls an epoch is a chunk of a fixed number of steps.

    Which chunk comes next is told by `seek`, from the steps done. Lightning's own `set_epoch` will not do: a resumed
    fit has made its first iterator by the time that is called.

    Args:
        steps: length of the fit.
        chunk: steps of a chunk; the last one may be shorter.
        first: the step to go on with.
    """

    def __init__(self, steps: int, chunk: int, first: int = 0) -> None:
        self.steps = steps
        self.chunk = chunk
        self.first = first

    def seek(self, step: int) -> None:
        """Let the next iteration begin at a step."""
        self.first = step

    def _numbers(self) -> range:
        return range(self.first, min(self.first + self.chunk, self.steps))

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers())

    def __len__(self) -> int:
        return len(self._numbers())


class PaddedBatches(Dataset[Batch]):
    """Each image once, in full batches, the same number of them on every process.

    The last batches are padded with index -1. Shards of unequal length break collectives and predict hooks, and a last
    batch of another size changes the last bits of a network's output.

    Args:
        images: the set.
        indices: positions to go through.
        batch_size: per process, whatever their number.
        labels: whether labels are read; scoring does without (all are 255).
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
        # Padding shows an image that exists; which one does not matter.
        self.filler = int(indices[0]) if len(indices) else 0

    def __len__(self) -> int:
        return len(self.batches)

    def _sample(self, index: int) -> Sample:
        return self.images.image(index), self.images.label(index) if self.labels else 255

    def __getitem__(self, number: int) -> Batch:
        indices = [int(index) for index in self.batches[number]]
        shown = [index if index >= 0 else self.filler for index in indices]
        read = {index: self._sample(index) for index in dict.fromkeys(shown)}
        return collate([read[index] for index in shown], indices, [self.images.name(index) for index in shown])
