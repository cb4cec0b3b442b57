"""Normalised images for networks: float32, minus the mean and divided by the standard deviation of each channel."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.types import Batch


def normalise(
    batch: Batch, mean: Tensor, std: Tensor, memory_format: torch.memory_format, out: Tensor | None = None
) -> Batch:
    """Turn uint8 images into float32, (x / 255 - mean) / std with mean and std of shape (3, 1, 1).

    Args:
        batch: images as loaded, (B, 3, H, W) uint8.
        mean: of each channel.
        std: of each channel.
        memory_format: of the result.
        out: tensor for the result, of its shape and format; a new one by default.
    """
    image = batch.image.to(memory_format=memory_format).float() if out is None else out.copy_(batch.image)
    return batch._replace(image=image.div_(255).sub_(mean).div_(std))


class Normaliser:
    """Normalises the batches of one fit on their device, as `normalise` does."""

    def __init__(self, mean: Tensor, std: Tensor, memory_format: torch.memory_format) -> None:
        self.mean = mean
        self.std = std
        self.memory_format = memory_format
        self._scale: dict[torch.device, tuple[Tensor, Tensor]] = {}
        self._last: Tensor | None = None

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with its images normalised."""
        device = batch.image.device
        if device not in self._scale:  # once: even a small copy waits until the GPU has finished all its work
            self._scale[device] = self.mean.to(device), self.std.to(device)
        return normalise(batch, *self._scale[device], self.memory_format, self._buffer(batch.image))

    def _buffer(self, image: Tensor) -> Tensor | None:
        """Return the previous batch's memory for a batch to test or to score on the CPU, else None.

        Images are the largest block of a pass. If it were freed and allocated for each batch, the heap would fragment
        and the process would grow.
        """
        if not (image.is_cpu and torch.is_inference_mode_enabled()):
            return None
        if self._last is None or self._last.shape != image.shape:
            self._last = torch.empty(image.shape, memory_format=self.memory_format)
        return self._last
