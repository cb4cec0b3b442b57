"""Asking a finished cycle again, with its own strategy or another."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from al_lightning.acquisition.callback import join_members, select
from al_lightning.errors import UsageError, nearest
from al_lightning.experiment import reopen
from al_lightning.loop import unscored
from al_lightning.processes import Processes
from al_lightning.progress import Reporter
from al_lightning.results.store import RunStore
from al_lightning.seeding import generator
from al_lightning.settings import load, merge, parts

OPTIONS = ("--trainer.", "--data.root", "--data.workers", "--acquisition.", "--budget.query")


def query_cycle(
    run_dir: Path, cycle: int, acquisition: str | None = None, options: Sequence[str] = (), show: bool = False
) -> list[int]:
    """Return what a strategy chooses with a finished cycle's network; nothing in the run directory changes."""
    command = ["query", str(run_dir), "--cycle", str(cycle), *options]
    command += ["--acquisition", acquisition] if acquisition else []
    for option in options:
        if option.startswith("--") and not option.startswith(OPTIONS):
            raise UsageError(f"query has no option {option}; it takes those of {', '.join(OPTIONS)}.")
    store = RunStore(run_dir, writes=False)
    run = store.read()
    if not 0 <= cycle < len(run.cycles):
        raise UsageError(f"{run_dir} has finished cycles 0 to {len(run.cycles) - 1}; there is no cycle {cycle}.")
    experiment = reopen(run_dir, options, _strategy(acquisition))
    strategy = experiment.acquisition
    pool = experiment.data.pool().label(run.labelled_at(cycle))
    count = min(experiment.budget.query_count(pool.size), len(pool.unlabelled))
    if strategy.one_fit:
        raise UsageError(f"{type(strategy).__name__} chooses nothing after a fit.")
    if not count:
        why = "budget.query is 0; give --budget.query N" if len(pool.unlabelled) else "nothing is unlabelled"
        raise UsageError(f"There is nothing to choose in cycle {cycle}: {why}.")
    needed = [store.weights(cycle, member) for member in range(strategy.members)]
    if gone := [path for path in needed if not path.is_file()]:
        raise UsageError(
            f"{type(strategy).__name__} needs {len(needed)} trained network(s) of cycle {cycle}, "
            f"but {gone[0]} is not there."
        )
    with (
        Processes.of(experiment.trainer_options, 0, command) as processes,
        tempfile.TemporaryDirectory() as scratch,
        Reporter(shown=show and processes.rank == 0) as reporter,
    ):
        reporter.cycle(cycle, len(pool.labelled))
        scored = []
        for member, weights in enumerate(needed):
            folder = Path(scratch) / f"member_{member}"
            fit = experiment.build(cycle, member, pool, folder, processes, reporter)
            fit.load(weights)
            if strategy.needs_network:
                scored.append(fit.score(strategy))
            fit.close()
        rows = join_members(scored, pool.labelled) if scored else unscored(experiment, pool, cycle)
        draw = generator("select", experiment.seed, cycle)
        return processes.once(select, strategy, rows, count, draw).indices


def _strategy(name: str | None) -> dict[str, Any] | None:
    """Turn a part's name or a class path into the configuration's section."""
    if name is None:
        return None
    known = parts("acquisition")
    if name in known:
        values: dict[str, Any] = {}
        merge(values, load(known[name]), known[name], {})
        if "acquisition" not in values:
            raise UsageError(f"The config {known[name]} names no acquisition.")
        return dict(values["acquisition"])
    if "." not in name:
        raise UsageError(
            f"There is no strategy {name!r}.{nearest(name, known)} Known: {', '.join(sorted(known))}; "
            "or give the import path of a class, for example my_strategy.Margin."
        )
    return {"class_path": name}
