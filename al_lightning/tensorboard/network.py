"""Predictions of a trained network for a few images, without side effects on the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from al_lightning.acquisition.functional import entropy
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.normalize import normalise
from al_lightning.data.streams import collate
from al_lightning.seeding import seed_of

Reals = npt.NDArray[np.float32]


@contextmanager
def undisturbed(network: torch.nn.Module, device: torch.device) -> Iterator[None]:
    """Put a network into eval mode on a device; restore modes, device and random state afterwards."""
    training = [module for module in network.modules() if module.training]
    home = next((parameter.device for parameter in network.parameters()), device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            network.to(device).eval()
            yield
        finally:
            network.to(home)
            for module in training:
                module.training = True


@torch.no_grad()
def prediction(network: torch.nn.Module, data: PoolDataset, index: int, device: torch.device) -> tuple[Reals, Reals]:
    """Return the probabilities of a test image, (C, ...), and their entropy in nats, (...), float32.

    To be called within `undisturbed`.
    """
    images = data.test
    batch = collate([(images.image(index), images.label(index))], [index], [images.name(index)])
    moved = batch._replace(image=batch.image.to(device))
    image = normalise(moved, data.mean.to(device), data.std.to(device), torch.contiguous_format).image
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    torch.manual_seed(seed_of("views", index))  # for a network that draws: the same picture after a restart
    output: Any = network(image.to(dtype))  # of another type only if the whole network is
    logits: Tensor = output.logits[:1].float().cpu()
    return logits.softmax(dim=1)[0].numpy(), entropy(logits)[0].numpy()
