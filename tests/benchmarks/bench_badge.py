"""BADGE never builds the gradient embeddings, N x C x D, and compares few of them with each choice."""

from __future__ import annotations

import numpy as np
import torch

from al_lightning.acquisition import BADGE
from al_lightning.acquisition.functional.draws import exponential
from al_lightning.types import SelectionInputs

from .badge_memory import example
from .conftest import Bench
from .ratio import MOST, alternate, python

SIZE, CLASSES, WIDTH, PICKS = 20_000, 100, 768, 250
MOST_OF_PLAIN = 0.5
"""Largest time over that of a loop that compares every image with every choice."""


def plain(rows: SelectionInputs, count: int) -> list[int]:
    """The same draws, with the factorised distances of all images from each choice, in float32."""
    draws, q, z = np.random.default_rng(0), rows.part("gradient").contiguous(), rows.part("embedding").contiguous()
    length = q.square().sum(dim=1) * z.square().sum(dim=1)
    nearest, chosen = torch.full((len(q),), torch.inf), [int(length.argmax())]
    while True:
        row = chosen[-1]
        nearest = torch.minimum(nearest, length + length[row] - 2 * (q @ q[row]) * (z @ z[row])).clamp_(min=0)
        nearest[chosen] = 0
        if len(chosen) == count:
            return chosen
        chosen.append(int((exponential(rows.index, draws) / nearest).argmin()))


def bench_badge(bench: Bench) -> None:
    small = example(2000, 10, 64)
    ours = BADGE().select(small, 50, np.random.default_rng(0)).indices
    assert ours == plain(small, 50)  # float32 decides otherwise only where two races are equal to 6 digits

    what = f"BADGE, {SIZE:,} x {CLASSES} classes x {WIDTH}, {PICKS} picks"
    rows = example(SIZE, CLASSES, WIDTH)
    done = alternate(
        lambda: BADGE().select(rows, PICKS, np.random.default_rng(0)),
        lambda: plain(rows, PICKS),
        bench.rounds(MOST),
        warm=False,
        bound=MOST_OF_PLAIN,
    )
    bench.add(
        f"{what}: over a loop that compares every image with every choice",
        done,
        f"{done.first:.2f} s",
        at_most=MOST_OF_PLAIN,
    )
    seconds, peak = python("-m", "benchmarks.badge_memory", SIZE, CLASSES, WIDTH, PICKS).split()[-2:]
    built = SIZE * CLASSES * WIDTH * 4 / 1e6
    bench.add(
        f"{what}: peak memory in addition to probabilities and embeddings",
        float(peak) / 1e6,
        f"{float(seconds):.1f} s; the gradient embeddings would take {built:,.0f} MB",
        unit="MB",
        at_most=1000,
    )
