"""`make demo`: the paper's question on real digits, answered in about two minutes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from al_lightning.api import fit
from al_lightning.progress import duration
from al_lightning.results.metrics import Curve, curve_of
from al_lightning.results.table import comparison_table

STRATEGIES = ("random", "entropy", "coreset")
SEEDS = (0, 1, 2)
DIRECTORY = Path("runs/demo")


def demo() -> None:
    """Run random, entropy and core-set on `digits` with three seeds and print the table; a second call reads it."""
    import torch

    # Convolutions of 8 x 8 pixels are too small to share: a second thread costs more than it brings.
    torch.set_num_threads(1)
    begun = time.monotonic()
    curves: list[Curve] = []
    runs = [(strategy, seed) for seed in SEEDS for strategy in STRATEGIES]
    for number, (strategy, seed) in enumerate(runs, start=1):
        name = f"digits_{strategy}"
        print(f"run {number} of {len(runs)}: {name}, seed {seed}", file=sys.stderr, flush=True)
        # One process: the images are in memory, and starting workers would take longer than they save.
        run = fit(name, seed=seed, run_dir=DIRECTORY / name / f"seed_{seed}", options=["--data.workers", "0"])
        curves.append(curve_of(run))
    print(comparison_table(sorted(curves, key=lambda curve: STRATEGIES.index(curve.name.split("_", 1)[1]))))
    print(
        f"\n{len(runs)} runs on scikit-learn's digits in {duration(time.monotonic() - begun)}, kept in {DIRECTORY}. "
        "Mean +- standard deviation over seeds; three seeds show only large differences."
    )
