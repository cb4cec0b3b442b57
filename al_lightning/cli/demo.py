"""The command `demo`: the paper's main result on synthetic streets, within ten minutes on a laptop."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from al_lightning.api import report as write_report
from al_lightning.cli.arguments import Arguments, at_least_one, begin
from al_lightning.distributed.shutdown import AGAIN
from al_lightning.errors import ALError, Interrupted
from al_lightning.launcher import Job
from al_lightning.launcher.local import LocalLauncher
from al_lightning.launcher.machine import cores
from al_lightning.progress import duration
from al_lightning.results.series import by_setting, series_of_runs
from al_lightning.results.text_table import comparison_table
from al_lightning.runs.journal import Run, read_run

POOLS = ("demo_0f", "demo_11f")
STRATEGIES = ("random", "entropy", "coreset")
MOST_SEEDS = 3
MINUTES = 9.0
"""Minutes in which all seeds must finish; a further seed is begun only where that is likely."""
DIRECTORY = Path("runs/demo")


def demo(given: list[str]) -> int:
    """Compare three strategies."""
    parser = Arguments(
        "demo",
        "Compares random, entropy and core-set on synthetic streets, a diverse and a redundant pool of them, prints "
        "tables and writes a report. It takes ten minutes on 2 cores; finished runs are read, not repeated.",
        "[--seeds N] [--run_dir DIR] [options of fit]",
    )
    parser.add_argument("--seeds", type=int, help="number of seeds (as many as 9 minutes allow, at most 3)")
    parser.add_argument(
        "--run_dir", type=Path, default=DIRECTORY, help="directory of the runs and of report.html (runs/demo)"
    )
    ours, options = parser.read_with_options(given)
    at_least_one(ours, "seeds")
    begin(ours.verbose)
    compare(ours.run_dir, ours.seeds, tuple(options), ["al-lightning", "demo", *given])
    return 0


def compare(directory: Path, seeds: int | None, options: tuple[str, ...], command: Sequence[str]) -> None:
    """Run three strategies on a diverse and on a redundant pool, print the tables, write the report.

    As many runs at once as there are cores, with one thread each: the networks are too small for several threads.
    Without `seeds`, as many seeds as nine minutes allow, at most three. The report shows `command`, which goes on.

    Raises:
        ALError: a run failed; the message names the run.
    """
    from al_lightning.tables.work import with_cost

    begun = time.monotonic()
    names = [f"{pool}_{strategy}" for pool in POOLS for strategy in STRATEGIES]
    done: list[Run] = []
    for seed in range(seeds or MOST_SEEDS):
        jobs = [with_cost(Job(name, seed, directory / name / f"seed_{seed}", options)) for name in names]
        _run_all(jobs)
        done += [read_run(job.directory) for job in jobs]
        so_far = time.monotonic() - begun
        if seeds is None and so_far * (seed + 2) / (seed + 1) > 60 * MINUTES:
            break
    runs = sorted(done, key=lambda run: names.index(run.record.name))
    for methods in by_setting(series_of_runs(runs)).values():
        print(comparison_table(methods), end="\n\n")
    title, made_by = "The demo: synthetic streets", shlex.join(command)
    report = write_report([run.directory for run in runs], directory / "report.html", title, made_by)
    over = ", mean +- standard deviation over seeds" if len(runs) > len(names) else ""
    print(
        f"{len(runs)} runs in {duration(time.monotonic() - begun)}{over}. What was chosen, and what to try next: "
        f"{report}"
    )


def _run_all(jobs: list[Job]) -> None:
    """Run jobs, as many at once as there are cores; the first failure ends the others."""
    launcher = LocalLauncher(slots=min(cores(), len(jobs)), fail_fast=True, environment={"OMP_NUM_THREADS": "1"})
    outcomes = launcher.run(jobs)
    # A run that was stopped because another one failed is "interrupted" too.
    for outcome in sorted(outcomes, key=lambda outcome: outcome.state == "interrupted"):
        if outcome.state == "interrupted":
            raise Interrupted(f"Interrupted; {AGAIN}.")
        if outcome.state != "done":
            last = outcome.last_line or "its log is empty"
            raise ALError(f"{outcome.job.name} failed with exit code {outcome.exit_code}: {last}")
