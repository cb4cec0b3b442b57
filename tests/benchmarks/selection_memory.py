"""A process that selects by k-center greedy and prints seconds, and its peak resident bytes above the features."""

from __future__ import annotations

import sys
import time

import torch

from al_lightning.acquisition.functional.k_center import k_center_greedy

from .rigs import resident


def main(size: int) -> None:
    """Choose 1 % of `size` rows, with as many labelled."""
    generator = torch.Generator().manual_seed(0)
    features = torch.empty(size, 256)
    for part in features.split(4096):
        part.normal_(generator=generator)
    labelled = torch.zeros(size, dtype=torch.bool)
    labelled[torch.randperm(size, generator=generator)[: size // 100]] = True
    before = resident("VmHWM")
    begun = time.perf_counter()
    k_center_greedy(features, labelled, size // 100)
    seconds = time.perf_counter() - begun
    print(seconds, resident("VmHWM") - before)


if __name__ == "__main__":
    main(int(sys.argv[1]))
