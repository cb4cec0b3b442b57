"""A process that chooses by BADGE and prints seconds, and its peak resident bytes above its inputs."""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from al_lightning.acquisition import BADGE
from al_lightning.acquisition.badge import output_gradient
from al_lightning.types import SelectionInputs

from .rigs import resident


def example(size: int, classes: int, width: int) -> SelectionInputs:
    """Return rows of random predictions, most of them sure, and embeddings as after a ReLU."""
    generator = torch.Generator().manual_seed(0)
    value = torch.empty(1, size, classes + width)
    for rows in torch.split(value[0], 4096):
        logits = 3 * torch.randn(len(rows), classes, generator=generator)
        rows[:, :classes] = output_gradient(logits)
        rows[:, classes:].normal_(generator=generator).relu_()
    columns = {"gradient": classes, "embedding": width}
    return SelectionInputs(torch.arange(size), torch.zeros(size, dtype=torch.bool), value, columns)


def main(size: int, classes: int, width: int, count: int) -> None:
    """Choose `count` of `size` images."""
    rows = example(size, classes, width)
    before = resident("VmHWM")
    begun = time.perf_counter()
    BADGE().select(rows, count, np.random.default_rng(0))
    print(time.perf_counter() - begun, resident("VmHWM") - before)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
