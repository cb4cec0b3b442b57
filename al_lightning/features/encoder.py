"""The encoder of a network: batches of a dataset to rows of features, on one device, in one precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.data.normalize import Normaliser
from al_lightning.distributed.launched import trainer_of
from al_lightning.distributed.malloc import keep_large_blocks
from al_lightning.distributed.processes import MACHINE
from al_lightning.errors import UsageError
from al_lightning.networks import folded
from al_lightning.networks.base import Network
from al_lightning.networks.from_features import Layout, layout_of, rows_of
from al_lightning.types import Batch, Features

PRECISIONS = {None: None, "32": None, "32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
PRECISIONS |= {"bf16": torch.bfloat16, "16": torch.float16}
"""Type of an encoder's products, by the option trainer.precision; None is float32 throughout."""


@dataclass(frozen=True)
class Encoder:
    """Encodes batches of a dataset.

    Attributes:
        network: in eval mode, on its device.
        run: the same function, perhaps in fewer passes over memory.
        normaliser: of the dataset's images.
        device: where both compute.
        precision: type of the products; None is float32.
    """

    network: Network
    run: Network
    normaliser: Normaliser
    device: torch.device
    precision: torch.dtype | None

    @classmethod
    def of(
        cls, network: Network, data: PoolDataset, options: Mapping[str, Any], memory_format: torch.memory_format
    ) -> Encoder:
        """Return the encoder of a network, on the device that the Trainer's options name."""
        machine = {name: options[name] for name in MACHINE if options.get(name) is not None}
        precision = None if options.get("precision") is None else str(options["precision"])
        if precision not in PRECISIONS:
            known = ", ".join(name for name in PRECISIONS if name is not None)
            raise UsageError(f"Features are not made with trainer.precision {precision}; give one of {known}.")
        trainer = trainer_of(machine, logger=False, enable_checkpointing=False, enable_progress_bar=False)
        device = trainer.strategy.root_device
        if device.type == "cpu":
            keep_large_blocks()
        network = network.to(device, memory_format=memory_format).eval()  # type: ignore[call-overload]
        quick = folded(network)
        assert isinstance(quick, Network)
        normaliser = Normaliser(data.mean, data.std, memory_format)
        return cls(network, quick, normaliser, device, PRECISIONS[precision])

    def image(self, images: Images) -> Tensor:
        """Return the first image of a set, (1, 3, H, W) float32, normalised."""
        pixels = torch.from_numpy(images.image(0).transpose(2, 0, 1).copy())[None]
        return self.normaliser(Batch(pixels.to(self.device), pixels, pixels)).image

    def __call__(self, image: Tensor) -> Features:
        """Return the features of normalised images."""
        with torch.inference_mode(), torch.autocast(self.device.type, self.precision, self.precision is not None):
            return self.run.encode(image)

    def rows(self, batch: Batch) -> tuple[Tensor, Layout]:
        """Return a loaded batch's features as rows, (B, R), and their layout."""
        with torch.inference_mode():
            pixels = batch._replace(image=batch.image.to(self.device, non_blocking=True))
            features = self(self.normaliser(pixels).image)
            return rows_of(features), layout_of(features)
