"""`make demo`: the paper's point on drawn streets, within ten minutes on a laptop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from al_lightning.api import report as write_report
from al_lightning.errors import ALError, Interrupted
from al_lightning.guard import AGAIN, GUARD, LAUNCHER
from al_lightning.progress import duration
from al_lightning.results.journal import Run, read_run
from al_lightning.results.metrics import curve_of
from al_lightning.results.table import comparison_table

POOLS = ("demo_0f", "demo_11f")
STRATEGIES = ("random", "entropy", "coreset")
MOST_SEEDS = 3
MINUTES = 9.0
"""A further seed is begun only where it will be through by then."""
DIRECTORY = Path("runs/demo")


def demo(directory: Path = DIRECTORY, seeds: int | None = None, options: tuple[str, ...] = ()) -> Path:
    """Run three strategies on a diverse and on a redundant pool, print the tables, write the report.

    As many runs at once as there are cores, one thread each: the networks are too small to share. What was run before
    is read; a number of seeds follows from the time, unless it is given.

    Args:
        directory: for the runs and `report.html`.
        seeds: number of seeds; by default as many, up to three, as nine minutes allow.
        options: further options of every run.

    Returns:
        the report.

    Raises:
        ALError: a run failed; the message says which.
    """
    begun = time.monotonic()
    done: list[Run] = []
    for seed in range(seeds or MOST_SEEDS):
        names = [f"{pool}_{strategy}" for pool in POOLS for strategy in STRATEGIES]
        _run_all([(name, seed, directory / name / f"seed_{seed}") for name in names], options)
        done += [read_run(directory / name / f"seed_{seed}") for name in names]
        so_far = time.monotonic() - begun
        if seeds is None and so_far * (seed + 2) / (seed + 1) > 60 * MINUTES:
            break
    runs = sorted(done, key=lambda run: [POOLS.index(_pool(run)), STRATEGIES.index(_strategy(run)), run.record.seed])
    for pool in POOLS:
        print(comparison_table([curve_of(run) for run in runs if _pool(run) == pool]), end="\n\n")
    report = write_report(
        [run.directory for run in runs], directory / "report.html", "al-lightning: the demo", "make demo"
    )
    print(
        f"{len(runs)} runs in {duration(time.monotonic() - begun)}, mean +- standard deviation over seeds. What was "
        f"chosen, and what to try next: {report}"
    )
    return report


def _pool(run: Run) -> str:
    return run.record.name.rpartition("_")[0]


def _strategy(run: Run) -> str:
    return run.record.name.rpartition("_")[2]


def _run_all(runs: list[tuple[str, int, Path]], options: tuple[str, ...]) -> None:
    """Run in processes of their own, some at a time; the first failure ends the others."""
    waiting, running = list(runs), dict[int, tuple[str, subprocess.Popen[bytes]]]()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", LAUNCHER: str(os.getpid())}
    at_once = max(1, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, len(runs)))
    number = 0
    while waiting or running:
        while waiting and len(running) < at_once:
            name, seed, directory = waiting.pop(0)
            number += 1
            print(f"{name}, seed {seed} ({number} of {len(runs)})", file=sys.stderr, flush=True)
            directory.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "al_lightning", "fit", "--config", name, "--seed", str(seed)]
            with (directory / "log.txt").open("wb") as log:
                child = subprocess.Popen(
                    [*command, "--run_dir", str(directory), *options],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            running[number] = name, child
            GUARD.children[number] = child
        time.sleep(0.1)
        for key, (name, child) in list(running.items()):
            if (code := child.poll()) is None:
                continue
            del running[key], GUARD.children[key]
            if code:
                for rest, (_, other) in running.items():
                    other.terminate()  # it goes on with the next call
                    other.wait()
                    del GUARD.children[rest]
            if code == Interrupted.exit_code:
                raise Interrupted(f"Interrupted; {AGAIN}.")
            if code:
                said = next(path for run, _, path in runs if run == name) / "log.txt"
                last = said.read_text().strip().splitlines()[-1:] or ["it said nothing"]
                raise ALError(f"{name} failed with exit code {code}: {last[0].removeprefix('al-lightning: ')}")
