"""A comparison on stored features takes minutes: their forward passes once, then heads over many seeds."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.data import ImageFolder
from al_lightning.data.dataset import PoolDataset
from al_lightning.distributed.processes import Processes
from al_lightning.features.make import find_or_make
from al_lightning.networks import TimmClassifier
from al_lightning.progress import Reporter

from .comparison_runs import CORES
from .conftest import Bench
from .ratio import MOST, alternate, python
from .rigs import PerImage, images

SIZE, BATCH, FEW, MANY, TEST, WANTED = (224, 224), 32, 64, 576, 32, 10_000
MINUTE = 60.0


def _photos(folder: Path, count: int) -> PoolDataset:
    """Return JPEG files of 256 x 256 in two classes, read at 224 x 224."""
    draw = np.random.default_rng(0)
    for number in range(count + TEST):
        coarse = Image.fromarray(draw.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        home = folder / f"photos_{count}" / ("train" if number < count else "test") / f"class {number % 2}"
        home.mkdir(parents=True, exist_ok=True)
        coarse.resize((256, 256), Image.Resampling.BICUBIC).save(home / f"{number}.jpg", quality=90)
    return ImageFolder(root=str(folder / f"photos_{count}"), size=SIZE, eval_batch_size=BATCH, workers=2, cache=False)


def _made(folder: Path, count: int) -> PoolDataset:
    return PerImage(SIZE, count, TEST, eval_batch_size=BATCH, workers=2)


SETS: dict[str, tuple[Callable[[Path, int], PoolDataset], dict[str, Any]]] = {
    "made in memory": (_made, {"at_least": 0.9}),
    "JPEG files of 256 x 256, decoded": (_photos, {}),
}


@pytest.mark.parametrize("kind", SETS)
def bench_vectors(bench: Bench, tmp_path: Path, kind: str) -> None:
    build, bound = SETS[kind]
    few, many = build(tmp_path, FEW), build(tmp_path, MANY)
    numbers = itertools.count()
    network = TimmClassifier(10).to(bench.device).to(memory_format=torch.channels_last).eval()
    image = images(BATCH, SIZE, bench.device)
    trainer = {"accelerator": "gpu" if bench.device.type == "cuda" else "cpu", "devices": 1}

    def seconds(data: PoolDataset) -> float:
        data.run_folder = tmp_path / f"features_{next(numbers)}"
        begun = time.perf_counter()
        find_or_make(data, network, Processes(), Reporter(False), trainer, torch.channels_last)
        return time.perf_counter() - begun

    def ours() -> float:
        start = seconds(few)  # what does not grow with the images counts once
        return start + (seconds(many) - start) * (WANTED - FEW) / (MANY - FEW)

    def forwards() -> float:
        begun = time.perf_counter()
        with torch.inference_mode():
            for _ in range(MANY // BATCH):
                network.encode(image)
            if bench.device.type == "cuda":
                torch.cuda.synchronize(bench.device)
        return (time.perf_counter() - begun) * (WANTED + TEST) / MANY

    rounds = bench.rounds(MOST if bound else 3)
    done = alternate(forwards, ours, rounds, bench.device, bound=bound.get("at_least"))
    rate = WANTED / done.second
    note = f"{WANTED:,} images, in proportion to {FEW} and {MANY}: {rate:.0f} a second, {done.second / MINUTE:.1f} min"
    what = f"vectors: images a second over the bare encoder's, EfficientNet-Lite0, 224 x 224, {kind}"
    bench.add(what, done, note, more={"images_a_second": rate}, **bound)


def _runs(kind: str, seeds: int) -> tuple[dict[str, float], float]:
    """Return seconds of a seed, by strategy, and MB beside the vectors; two processes of one thread were at work."""
    found = json.loads(python("-m", "benchmarks.comparison_runs", kind, seeds, OMP_NUM_THREADS="1").splitlines()[-1])
    return {name: each / seeds for name, each in found["seconds"].items()}, (found["peak"] - found["vectors"]) / 1e6


def _shown(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {each:.2g} s" for name, each in seconds.items())


def bench_heads_of_vectors(bench: Bench) -> None:
    seeds = 100 if bench.full else bench.rounds(3)
    seconds, memory = _runs("vectors", seeds)
    what = "compare, 100 seeds x 6 strategies x 8 budgets (50 to 400 labels), 10,000 x 1,280 vectors, 10 classes"
    note = f"{seeds} seeds, in proportion; a run: {_shown(seconds)}"
    minutes = 100 * sum(seconds.values()) / CORES / MINUTE
    bench.add(f"{what}, {CORES} cores", minutes, note, unit="min", at_most=10, more=seconds)
    bench.add(f"{what}: peak memory of all processes beside the vectors", memory, unit="MB", at_most=2000)


def bench_heads_of_pixels(bench: Bench) -> None:
    seeds = 10 if bench.full else 1
    seconds, memory = _runs("pixels", seeds)
    bald = seconds.pop("bald")
    what = "compare, 10 seeds x 4 strategies x 5 budgets (12 to 108 images), pixels of 367 + 233 at 180 x 240"
    note = f"drawn streets; {seeds} seeds, in proportion; a run: {_shown(seconds)}"
    minutes = 10 * sum(seconds.values()) / CORES / MINUTE
    bench.add(f"{what}, {CORES} cores", minutes, note, unit="min", at_most=15, more=seconds)
    bench.add(f"{what}: 10 runs of BALD in addition", 10 * bald / CORES / MINUTE, unit="min")
    bench.add(f"{what}: peak memory of all processes beside the features", memory, unit="MB")
