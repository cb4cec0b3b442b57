"""A process that makes the runs of some seeds as `compare` does, and prints seconds by strategy and its peak memory."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import torch

from al_lightning.comparisons.workers import Made, Method, Work, processes, result_of, submit
from al_lightning.config.experiment import Experiment, configure
from al_lightning.distributed.processes import Processes
from al_lightning.engine.initial_set import record_of
from al_lightning.engine.open_data import encoder_of
from al_lightning.features.make import find_or_make
from al_lightning.features.sets import FeatureSets, MappedFeatures
from al_lightning.networks.from_features import Layout
from al_lightning.progress import Reporter

from .rigs import experiment

CORES = 2
"""Processes that make runs, one thread each."""
POOL, TEST, WIDTH, CLASSES = 10_000, 2000, 1280, 10
VECTORS = ("Random", "Entropy", "Margin", "Coreset", "BALD", "BADGE")
PIXELS = ("random", "entropy", "margin", "coreset", "bald")
STREETS = ["--data.size", "[180, 240]", "--data.pool_size", "367", "--data.test_size", "233"]
BUDGET = ["--budget.unit", "images", "--budget.initial", "12", "--budget.query", "24", "--budget.cycles", "4"]


def made(path: Path, count: int, stream: int) -> MappedFeatures:
    """Write vectors of classes that overlap; the deviations of their components fall as those of an encoder's do."""
    draw = np.random.default_rng(0)
    deviations = (1 + np.arange(WIDTH)) ** -0.5
    centres = draw.normal(size=(CLASSES, WIDTH)) * deviations * 0.12
    noise = np.random.default_rng(stream).normal(size=(count, WIDTH)) * deviations
    np.save(path, (centres[np.arange(count) % CLASSES] + noise).astype(np.float32))
    return MappedFeatures(path, Layout((), WIDTH, (1, 1)), count)


def of_vectors(folder: Path) -> tuple[list[tuple[str, Experiment]], tuple[str, ...], FeatureSets]:
    """Return the configurations of some strategies on vectors, their further options, and the vectors."""
    features = FeatureSets(made(folder / "train.npy", POOL, 1), made(folder / "test.npy", TEST, 2))
    network = {
        "class_path": "al_lightning.networks.VectorClassifier",
        "init_args": {"vectors": str(folder / "train.npy")},
    }
    settings: dict[str, Any] = {
        "training": {"class_path": "al_lightning.training.Probe"},
        "steps": 1,
        "budget": {"initial": 50, "query": 50, "cycles": 7, "unit": "images"},
        "data": {"count": POOL, "test": TEST, "classes": CLASSES},
    }
    found = []
    for name in VECTORS:
        acquisition = {"class_path": f"al_lightning.acquisition.{name}"}
        one = experiment(folder, torch.device("cpu"), network, acquisition=acquisition, **settings)
        found.append((str(one.run_dir.with_suffix(".yaml")), one))
    return found, (), features


def of_pixels(folder: Path) -> tuple[list[tuple[str, Experiment]], tuple[str, ...], FeatureSets]:
    """Return the same for some strategies on drawn streets of CamVid's size and numbers, whose maps are made."""
    options = (*STREETS, *BUDGET, "--data.cache", str(folder / "cache"))
    configs = [f"demo_0f_hypercolumns_{name}_probe" for name in PIXELS]
    found = [(config, configure([config], options)) for config in configs]
    one = found[0][1]
    features = find_or_make(one.data, encoder_of(one), Processes(), Reporter(shown=False), one.trainer)
    return found, options, features


def proportional(process: int) -> int:
    """Return a process's resident bytes, pages that several share divided among them; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _family(process: int) -> list[int]:
    """Return a process and all that descend from it."""
    try:
        children = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:  # it has ended
        return []
    return [process, *(each for some in children for child in some for each in _family(int(child)))]


def main(kind: str, seeds: int) -> None:
    """Make the runs of so many seeds, in two processes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found, options, features = (of_vectors if kind == "vectors" else of_pixels)(folder)
        methods = tuple(
            Method(config, options, folder / one.name / str(place), record_of(one, len(one.data.train), "", "", ""))
            for place, (config, one) in enumerate(found)
        )
        with processes(Work(methods, None, features, {}), CORES) as pool:
            running = [[submit(pool, method, seed) for method in range(len(methods))] for seed in range(seeds)]
            peak = _peak_until_done([future for row in running for future in row])
            seconds = [sum(result_of(row[method]).seconds for row in running) for method in range(len(methods))]
        vectors = sum(path.stat().st_size for path in (features.train.path, features.test.path))  # type: ignore[attr-defined]
        names = VECTORS if kind == "vectors" else PIXELS
        print(json.dumps({"seconds": dict(zip(names, seconds, strict=True)), "peak": peak, "vectors": vectors}))


def _peak_until_done(futures: Sequence[Future[Made]]) -> int:
    """Return the most bytes that this process and those that it started hold at once, until all futures are done."""
    peak, over = 0, threading.Event()
    for future in futures:
        future.add_done_callback(lambda _: over.set() if all(each.done() for each in futures) else None)
    while not over.wait(0.5):
        peak = max(peak, sum(map(proportional, _family(os.getpid()))))
    return peak


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
