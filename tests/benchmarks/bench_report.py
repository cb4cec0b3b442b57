"""A report over many runs."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from al_lightning import api
from al_lightning.runs.journal import read_run
from al_lightning.runs.store import RunStore

from .conftest import Bench

STRATEGIES = ("random", "entropy", "coreset", "equal")
SEEDS = 50


def bench_report_over_200_runs(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, benchmark: Any) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [run for strategy in STRATEGIES for run in _runs(tmp_path, strategy, SEEDS)]
    assert len(runs) == 200

    def report() -> None:
        api.report(runs, tmp_path / "report.html")

    api.report(runs[:2], tmp_path / "first.html")  # imports
    benchmark.pedantic(report, rounds=bench.rounds(3))
    seconds = benchmark.stats.stats.median
    benchmark.extra_info["bound"] = 10
    size = (tmp_path / "report.html").stat().st_size / 1e6
    bench.add("report over 200 runs", seconds, f"a page of {size:.1f} MB", unit="s", at_most=10)


def _runs(folder: Path, strategy: str, seeds: int) -> list[Path]:
    """Make a run of digits, and of it as many seeds as are asked for: other journals, other numbers."""
    first = folder / f"digits_{strategy}" / "seed_0"
    options = ["--steps", "2", "--data.eval_batch_size", "400"]
    api.fit(f"digits_{strategy}", run_dir=first, options=options)
    done, made = read_run(first), [first]
    draw = random.Random(strategy)
    for seed in range(1, seeds):
        directory = first.parent / f"seed_{seed}"
        directory.mkdir()
        shutil.copy(first / "config.yaml", directory)
        store = RunStore(directory)
        store.begin(replace(done.record, seed=seed))
        store.label_initial(done.labelled_at(0))
        for record in done.cycles:
            metrics = {
                name: value + draw.gauss(0, 0.02) if isinstance(value, float) else value
                for name, value in record.metrics.items()
            }
            store.append(replace(record, metrics=metrics))
        made.append(directory)
    return made
