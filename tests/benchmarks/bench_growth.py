"""How acquisition and selection grow, one size at a time: reported, for the formulas of docs/performance.md."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from al_lightning.acquisition import Entropy
from al_lightning.acquisition.functional.k_center import k_center_greedy
from al_lightning.runs.journal import read_run
from al_lightning.types import SelectionInputs

from .bench_scoring import TimedEntropy
from .bench_selection import features_of, some_labelled
from .conftest import Bench
from .ratio import Work, alternate, python
from .rigs import DEEPLAB18, WRN28, experiment, new_fit, score


def _scoring(bench: Bench, folder: Path, network: dict[str, Any], size: tuple[int, int], count: int) -> Work:
    """Return a scoring pass over `count` images that returns its seconds, those of the first batch aside."""
    pixel = network is DEEPLAB18
    data = {"size": list(size), "count": count + 100, "eval_batch_size": 4 if pixel else 250, "workers": 2}
    fit = new_fit(experiment(folder, bench.device, network, data=data, pixel=pixel))

    def seconds() -> float:
        acquisition = TimedEntropy()
        score(fit, acquisition)
        return acquisition.seconds

    return seconds


def bench_growth_of_scoring(bench: Bench, tmp_path: Path) -> None:
    many, few = (_scoring(bench, tmp_path, WRN28, (32, 32), count + 250) for count in (4000, 1000))
    done = alternate(many, few, bench.rounds(3), bench.device)
    bench.add(
        "growth, entropy, WRN-28-2: 4,000 images over 1,000, the first batch aside",
        done,
        f"{done.second:.2f} s for 1,000",
    )
    large, small = (_scoring(bench, tmp_path, DEEPLAB18, size, 44) for size in ((256, 512), (128, 256)))
    done = alternate(large, small, bench.rounds(3), bench.device)
    note = f"{done.second / 40 * 1e3:.0f} ms a small one"
    bench.add("growth, entropy, DeepLabV3+ ResNet-18: images of 256 x 512 over 128 x 256", done, note)


def bench_growth_with_processes(bench: Bench, tmp_path: Path) -> None:
    if bench.device.type == "cuda":
        pytest.skip("on the CPU, a thread each")
    data = {"size": [32, 32], "count": 2100, "eval_batch_size": 250, "workers": 0}
    config = experiment(tmp_path, bench.device, WRN28, data=data, steps=1).run_dir.with_suffix(".yaml")
    numbers = itertools.count()

    def run(processes: int) -> float:
        directory = tmp_path / f"processes_{next(numbers)}"
        options = ["--config", str(config), "--run_dir", str(directory), "--trainer.devices", str(processes)]
        python("-m", "al_lightning", "fit", *options, OMP_NUM_THREADS="1")
        return read_run(directory).cycles[0].cost["score"]

    done = alternate(lambda: run(2), lambda: run(1), bench.rounds(2), warm=False)
    bench.add(
        "growth, entropy, WRN-28-2, 2,000 images: two processes of one thread over one",
        done,
        f"{done.first:.1f} over {done.second:.1f} s",
    )


def bench_growth_of_selection_by_score(bench: Bench) -> None:
    def choosing(count: int, picks: int) -> Work:
        value = torch.rand(1, count, 1, generator=torch.Generator().manual_seed(0))
        rows = SelectionInputs(torch.arange(count), torch.zeros(count, dtype=torch.bool), value)
        draw = np.random.default_rng(0)
        return lambda: Entropy().select(rows, picks, draw)

    many, few = choosing(4_000_000, 10_000), choosing(1_000_000, 10_000)
    done = alternate(many, few, bench.rounds(5))
    bench.add("selection by score, 1,000,000 rows, 10,000 picks", done.second, unit="s")
    bench.add("growth, selection by score: 4,000,000 rows over 1,000,000", done)
    done = alternate(choosing(1_000_000, 40_000), few, bench.rounds(5))
    bench.add("growth, selection by score: 40,000 picks over 10,000", done)


def bench_growth_of_k_center(bench: Bench) -> None:
    def choosing(size: int, labelled: int, picks: int) -> Work:
        features, known = features_of("unclustered", size), some_labelled(size, labelled)
        return lambda: k_center_greedy(features, known, picks)

    base = choosing(20_000, 1000, 250)
    for what, work in (
        ("80,000 rows over 20,000", choosing(80_000, 1000, 250)),
        ("4,000 labelled over 1,000", choosing(20_000, 4000, 250)),
        ("1,000 picks over 250", choosing(20_000, 1000, 1000)),
    ):
        done = alternate(work, base, bench.rounds(3))
        bench.add(f"growth, k-center greedy, unclustered: {what}", done, f"{done.second:.2f} s for the smaller")
