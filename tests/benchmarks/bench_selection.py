"""Selection is exact, without an N x N matrix, and costs what the matrix products cost that it cannot avoid."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from al_lightning.acquisition.functional.k_center import k_center_greedy
from tests.support.plain_k_center import plain as exact

from .conftest import Bench
from .ratio import MOST, alternate, python

PAIRS = {"clustered": 0.6, "unclustered": 0.25}
"""Largest share of all pairs of rows and centres that may be in matrix products."""
OVER_PRODUCTS = 5.0
"""Largest time over that of these matrix products alone."""
SIZE, WIDTH, LABELLED, PICKS = 40_000, 256, 4000, 1000
CENTRES, ROWS = 512, 4096
"""Sides of the matrix products that the time is compared with."""


def features_of(kind: str, size: int, width: int = 256) -> Tensor:
    """Return (size, width) float32: Gaussian, or near-copies of centres, 20 each."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(size, width, generator=generator)
    if kind == "unclustered":
        return noise
    centres = torch.randn(size // 20, width, generator=generator)
    return centres.repeat_interleave(20, dim=0) + 0.05 * noise


def some_labelled(size: int, count: int) -> Tensor:
    """Return (size,) bool, `count` of them true."""
    labelled = torch.zeros(size, dtype=torch.bool)
    labelled[torch.randperm(size, generator=torch.Generator().manual_seed(1))[:count]] = True
    return labelled


def plain(features: Tensor, labelled: Tensor, count: int, at_once: int = 1) -> list[int]:
    """A running minimum of squared distances in float32, centre by centre, by one matrix-vector product each.

    Args:
        features: (N, D).
        labelled: (N,) bool.
        count: how many to choose.
        at_once: labelled rows that one matrix product compares.
    """
    norm = features.square().sum(dim=1)
    nearest = torch.full((len(features),), torch.inf)
    for rows in torch.split(torch.nonzero(labelled).flatten(), at_once):
        if at_once == 1:
            row = int(rows)
            nearest = torch.minimum(nearest, norm + norm[row] - 2 * (features @ features[row]))
            continue
        for start in range(0, len(features), 4096):
            part = slice(start, start + 4096)
            squares = torch.addmm(norm[rows], features[part], features[rows].T, alpha=-2).amin(dim=1)
            nearest[part] = torch.minimum(nearest[part], squares + norm[part])
    nearest[labelled] = -1
    chosen = []
    for _ in range(count):
        row = int(nearest.argmax())
        chosen.append(row)
        nearest = torch.minimum(nearest, norm + norm[row] - 2 * (features @ features[row]))
        nearest[row] = -1
    return chosen


def products(features: Tensor, pairs: int) -> None:
    """Compare so many pairs of rows and centres by matrix products in float32: the nearest centre of each row."""
    centres = features[:CENTRES].T.contiguous()
    for number in range(max(1, pairs // (CENTRES * ROWS))):
        start = number * ROWS % (len(features) - ROWS)
        (features[start : start + ROWS] @ centres).amin(dim=1)


@pytest.mark.parametrize("kind", PAIRS)
def bench_k_center(bench: Bench, kind: str) -> None:
    small, few = features_of(kind, 5000), some_labelled(5000, 500)
    assert k_center_greedy(small, few, 125) == exact(small, few, 125)

    features, labelled = features_of(kind, SIZE), some_labelled(SIZE, LABELLED)

    def ours() -> None:
        k_center_greedy(features, labelled, PICKS)

    with FlopCounterMode(display=False) as counter:  # of matrix products; not of matrix-vector products
        ours()
    pairs = counter.get_total_flops() // (2 * WIDTH)
    what = f"k-center greedy, {SIZE:,} x {WIDTH}, {LABELLED:,} labelled, {PICKS:,} picks, {kind}"
    share = pairs / (SIZE * (LABELLED + PICKS))
    bench.add(f"{what}: share of all pairs of rows and centres in its matrix products", share, at_most=PAIRS[kind])
    done = alternate(ours, lambda: products(features, pairs), bench.rounds(MOST), warm=False, bound=OVER_PRODUCTS)
    bench.add(
        f"{what}: over these matrix products alone",
        done,
        f"{done.first:.2f} s",
        at_most=OVER_PRODUCTS,
        more={"seconds": done.first},
    )
    done = alternate(ours, lambda: plain(features, labelled, PICKS), bench.rounds(2), warm=False)
    bench.add(f"k-center greedy, {kind}: over a plain float32 loop", done)
    done = alternate(ours, lambda: plain(features, labelled, PICKS, LABELLED), bench.rounds(3), warm=False)
    bench.add(f"k-center greedy, {kind}: over a loop that begins with one matrix product of the labelled", done)


def bench_k_center_of_a_million(bench: Bench) -> None:
    sizes = [100_000, 400_000] + ([1_000_000] if bench.full else [])
    measured = [_in_a_process(size) for size in sizes]
    (time_a, memory_a), (time_b, memory_b) = measured[:2]
    power = max(1.0, log(time_b / time_a) / log(4))
    memory = memory_b + 2 * max(0.0, memory_b - memory_a)  # from 400,000 to a million is twice that way
    shown = ", ".join(
        f"{size:,} rows {seconds:.1f} s {peak:.0f} MB" for size, (seconds, peak) in zip(sizes, measured, strict=True)
    )
    shown = f"measured: {shown}; labelled and picks 1 % of the rows each"
    what = "k-center greedy, 1,000,000 x 256, 10,000 labelled, 10,000 picks"
    how = "measured" if bench.full else "extrapolated linearly from two sizes"
    bench.add(
        f"{what}: peak memory in addition to the features, {how}",
        measured[2][1] if bench.full else memory,
        shown,
        unit="MB",
        at_most=1000,
    )
    bench.add(f"{what}: time, estimated", time_b * 2.5**power, f"it grows as size^{power:.2f}", unit="s")
    if bench.full:
        bench.add(f"{what}: time", measured[2][0], unit="s")


def _in_a_process(size: int) -> tuple[float, float]:
    """Return seconds and MB above the features."""
    seconds, peak = python("-m", "benchmarks.selection_memory", size).split()[-2:]
    return float(seconds), float(peak) / 1e6
