"""Herding chooses what the greedy algorithm does, at the cost of a few matrix products."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from al_lightning.acquisition.functional import herding as module
from al_lightning.acquisition.functional.herding import herding
from al_lightning.acquisition.functional.unit_vectors import UnitVectors
from al_lightning.acquisition.limits import Allowed
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs

from .conftest import Bench
from .ratio import MOST, alternate, python

SIZE, WIDTH, PICKS = 10_000, 1280, 250
OVER_PRODUCT = {"in memory": 4.0, "lazily": 8.0}
"""Largest time over that of the product of all rows with each other; lazily with memory for a quarter of the kernel."""


def features_of(size: int, width: int) -> Tensor:
    """Return (size, width) float32, not negative: around centres, 50 each."""
    draws = torch.Generator().manual_seed(0)
    centres = torch.randn(size // 50, width, generator=draws)
    return (centres[torch.arange(size) % len(centres)] + torch.randn(size, width, generator=draws)).relu_()


def choose(features: Tensor, count: int) -> list[int]:
    """Choose rows of a pool without labels."""
    nothing = torch.zeros(len(features), dtype=torch.bool)
    rows = SelectionInputs(torch.arange(len(features)), nothing, torch.empty(1, len(features), 0))
    return herding(UnitVectors(features), Allowed(rows), count, generator("select", 0)).rows


@pytest.mark.parametrize("how", OVER_PRODUCT)
def bench_herding(bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "lazily":
        monkeypatch.setattr(module, "MEMORY", module.MEMORY // 4)
    features = features_of(SIZE, WIDTH)

    def product() -> None:
        for rows in torch.split(features, 1000):
            rows @ features.T

    done = alternate(
        lambda: choose(features, PICKS), product, bench.rounds(MOST), warm=False, bound=(bound := OVER_PRODUCT[how])
    )
    bench.add(
        f"herding, {SIZE:,} x {WIDTH:,}, {PICKS} picks, {how}: over one float32 product of all rows",
        done,
        f"{done.first:.1f} s",
        at_most=bound,
        more={"seconds": done.first},
    )


def bench_herding_of_a_large_pool(bench: Bench) -> None:
    size, picks = (100_000, 500) if bench.full else (25_000, 125)
    seconds, peak = (float(word) for word in python("-m", "benchmarks.herding_memory", size, picks).split()[-2:])
    bench.add(
        f"herding, {size:,} x 256, {picks} picks: peak memory in addition to the features",
        peak / 1e6,
        f"{seconds:.0f} s",
        unit="MB",
        at_most=2000,
    )
