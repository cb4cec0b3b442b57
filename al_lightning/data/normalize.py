"""Images as networks take them: float32, each channel less its mean, over its deviation."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.types import Batch


def normalise(
    batch: Batch, mean: Tensor, std: Tensor, memory_format: torch.memory_format, room: Tensor | None = None
) -> Batch:
    """Turn uint8 images into float32, (x / 255 - mean) / std with mean and std of shape (3, 1, 1).

    Args:
        batch: images as loaded.
        mean: of each channel.
        std: of each channel.
        memory_format: of the new images.
        room: where to put them, of their shape and format; else they are new.
    """
    image = batch.image.to(memory_format=memory_format).float() if room is None else room.copy_(batch.image)
    return batch._replace(image=image.div_(255).sub_(mean).div_(std))


class Normaliser:
    """Normalises the batches of one fit, on the device where they are.

    Args:
        mean: of each channel, (3, 1, 1).
        std: of each channel, likewise.
        memory_format: of the images.
    """

    def __init__(self, mean: Tensor, std: Tensor, memory_format: torch.memory_format) -> None:
        self.mean = mean
        self.std = std
        self.memory_format = memory_format
        self._scale: dict[torch.device, tuple[Tensor, Tensor]] = {}
        self._kept: Tensor | None = None

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with its images normalised."""
        device = batch.image.device
        if device not in self._scale:  # once: a copy of a few numbers waits for all that the GPU has to do
            self._scale[device] = self.mean.to(device), self.std.to(device)
        return normalise(batch, *self._scale[device], self.memory_format, self._room(batch.image))

    def _room(self, image: Tensor) -> Tensor | None:
        """Return where a batch to test or to score should be put: where the one before was.

        The largest block of a pass, freed and taken anew for each batch, would find its place broken by smaller ones
        now and then, and the process would grow by it.
        """
        if not (image.is_cpu and torch.is_inference_mode_enabled()):
            return None
        if self._kept is None or self._kept.shape != image.shape:
            self._kept = torch.empty(image.shape, memory_format=self.memory_format)
        return self._kept
