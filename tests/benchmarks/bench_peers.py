"""Strategies beside scikit-activeml's: time, and memory where one side builds a large array that the other does not."""

from __future__ import annotations

import pytest

from .conftest import Bench
from .peers import PAIRS, PICKS
from .ratio import alternate, python

SAME = {"coreset", "maxherding"}
"""Strategies whose choices are the peer's on these arrays; the others draw."""
LARGE = {"badge": "the gradient embeddings", "probcover": "the distances of all pairs"}
"""What the peer keeps and we do not."""


@pytest.mark.filterwarnings("ignore:The maximum purity")  # a given delta is not judged
@pytest.mark.parametrize("name", PAIRS)
def bench_peers(bench: Bench, name: str) -> None:
    pair = PAIRS[name]()
    if name in SAME:
        assert pair.ours() == pair.theirs()
    what = f"{name}, {pair.size}, {PICKS} picks: over scikit-activeml's"
    bench.add(f"{what}, time", alternate(pair.ours, pair.theirs, bench.rounds(3), warm=False))
    if name in LARGE:
        ours, theirs = (float(python("-m", "benchmarks.peers", name, side).split()[-1]) for side in ("ours", "theirs"))
        note = f"{ours / 1e6:.0f} over {theirs / 1e6:.0f} MB above the inputs; the peer keeps {LARGE[name]}"
        bench.add(f"{what}, peak memory", ours / theirs, note, at_most=0.5)
