"""Predictions of a finished cycle's network for image files: classes, or a class per pixel, with confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.config.configuration import Configured
from al_lightning.data.images import Array, read_image
from al_lightning.data.normalize import normalise
from al_lightning.distributed.malloc import keep_large_blocks
from al_lightning.errors import DatasetError
from al_lightning.runs.checkpoints import load_network
from al_lightning.types import Batch


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Attributes:
        path: the file.
        classes: class of the image, or a class per pixel, (H, W) uint8 at the file's own size.
        confidence: the largest softmax probability, for segmentation its mean over the pixels.
        size: (height, width) of the file.
        probabilities: (C,) float32 softmax of a classification; None for segmentation.
    """

    path: Path
    classes: int | Array
    confidence: float
    size: tuple[int, int]
    probabilities: npt.NDArray[np.float32] | None = None


class Predictor:
    """A trained network without a Trainer.

    Args:
        run: an experiment, or a run that was opened again with its network.
        weights: weights of a finished fit, `cycle_KK/member_0/weights.pt`.
        device: device of the network; the CPU by default.

    Attributes:
        network: the network with the weights, in evaluation mode.
        network_settings: the network's part of the configuration, plain data.

    Raises:
        ALError: the weights are missing, damaged, or of another network.
    """

    def __init__(self, run: Configured, weights: Path, device: str | torch.device = "cpu") -> None:
        self.data = run.data
        self.network_settings: dict[str, Any] = run.plain["network"]
        self.device = torch.device(device)
        if self.device.type == "cpu":
            keep_large_blocks()
        self.memory_format = run.memory_format
        with torch.random.fork_rng(devices=[]):  # its random weights are not used, and a run's draws must not change
            network = run.network(self.data.num_classes)
        load_network(network, weights)
        self.network = network.to(self.device, memory_format=self.memory_format).eval()  # type: ignore[call-overload]

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) to which images are resized first; None keeps their sizes."""
        return getattr(self.data, "size", None)

    def predict(
        self, paths: Sequence[Path], skip: Callable[[Path, DatasetError], object] | None = None
    ) -> Iterator[Prediction]:
        """Yield the predictions for image files, in order; one batch at a time is in memory.

        A file that cannot be read is given to `skip` and left out.

        Raises:
            DatasetError: a file cannot be read, and there is no `skip`.
        """
        batch_size = self.data.eval_batch_size
        for start in range(0, len(paths), batch_size):
            readable = self._readable(paths[start : start + batch_size], skip)
            # A batch needs images of one size.
            for _, same_size in groupby(readable, key=lambda entry: entry[1].shape):
                files, images, sizes = zip(*same_size, strict=True)
                yield from self._predictions(files, self.logits(np.stack(images)), sizes)

    def _readable(
        self, paths: Sequence[Path], skip: Callable[[Path, DatasetError], object] | None
    ) -> Iterator[tuple[Path, Array, tuple[int, int]]]:
        for path in paths:
            try:
                image, size = _read(path, self.size)
            except DatasetError as error:
                if skip is None:
                    raise
                skip(path, error)
            else:
                yield path, image, size

    def logits(self, images: Array) -> Tensor:
        """Return the network's logits, (B, C) or (B, C, H, W) float32, of (B, H, W, 3) uint8 RGB images."""
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(self.device)
        none = torch.empty(0, device=self.device)
        mean, std = self.data.mean.to(self.device), self.data.std.to(self.device)
        with torch.inference_mode():
            batch = normalise(Batch(pixels, none, none), mean, std, self.memory_format)
            logits: Tensor = self.network(batch.image).logits.float()
        return logits

    def _predictions(
        self, files: Sequence[Path], logits: Tensor, sizes: Sequence[tuple[int, int]]
    ) -> Iterator[Prediction]:
        for path, output, size in zip(files, logits, sizes, strict=True):
            if output.ndim == 1:
                probability = F.softmax(output, dim=0).cpu().numpy()
                yield Prediction(path, int(probability.argmax()), float(probability.max()), size, probability)
                continue
            if output.shape[-2:] != size:  # interpolated logits give smoother borders than resized classes
                output = F.interpolate(output[None], size, mode="bilinear", align_corners=False)[0]
            top, classes = F.softmax(output, dim=0).max(dim=0)
            yield Prediction(path, classes.to(torch.uint8).cpu().numpy(), float(top.mean()), size)


def _read(path: Path, size: tuple[int, int] | None) -> tuple[Array, tuple[int, int]]:
    """Return an image at the network's input size, and the file's own (height, width)."""
    image = read_image(path)
    own = (image.shape[0], image.shape[1])
    return (image if size in (None, own) else read_image(path, size)), own
