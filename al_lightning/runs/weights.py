"""The trained networks of a run: those of finished cycles, and of a cycle that waits for its labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from al_lightning.errors import UsageError
from al_lightning.runs.journal import JOURNAL, CycleRecord, Run, read_run
from al_lightning.runs.journal_lines import whole_lines
from al_lightning.runs.origins import weights_path
from al_lightning.runs.store import RunStore


def with_tested(run: Run) -> Run:
    """Return a run with the cycle that waits for its labels, if there is one: trained and tested, but not finished.

    Such a cycle is no line of the journal until people have labelled its choice. Its budget here is the labelled share
    of the pool.

    Raises:
        ALError: a file of that cycle is damaged.
    """
    store, cycle = RunStore(run.directory, writes=False), len(run.cycles)
    if not weights_path(run.directory, cycle, 0).is_file() or (tested := store.tested(cycle)) is None:
        return run
    labelled = len(run.labelled_at(cycle))
    metrics, health = tested
    record = CycleRecord(cycle, labelled / max(1, run.record.pool_size), labelled, metrics, [], health=health)
    return replace(run, cycles=(*run.cycles, record))


def trained(run_dir: Path, cycle: int | None = None) -> tuple[Run, CycleRecord, Path]:
    """Return a run, one of its cycles (the last with weights by default), and the weights of its first network.

    Raises:
        UsageError: there is no run, no such cycle, or the cycle has no weights.
        ALError: the journal or the weights are damaged, or the weights belong to another cycle or run.
    """
    run = with_tested(read_run(run_dir))
    if not run.cycles:
        raise UsageError(
            f"No cycle of {run_dir} has finished yet, so there is no network; `al-lightning fit` continues the run."
        )
    last = len(run.cycles) - 1
    if cycle is not None and not 0 <= cycle <= last:
        cycles = f"cycles 0 to {last}" if last else "cycle 0 alone"
        raise UsageError(f"{run_dir} has finished {cycles}; there is no cycle {cycle}.")
    existing = [done.cycle for done in run.cycles if weights_path(run_dir, done.cycle, 0).is_file()]
    if not existing:
        raise UsageError(
            f"{run_dir} holds no weights of any cycle: `--keep none` deletes them, and a copy may lack them; "
            "`--keep last` keeps those of the last cycle, in another run."
        )
    wanted = existing[-1] if cycle is None else cycle
    if wanted not in existing:
        raise UsageError(
            f"The weights of cycle {wanted} of {run_dir} are gone, as `--keep last` asks; there are weights of cycle "
            f"{', '.join(map(str, existing))}."
        )
    return run, run.cycles[wanted], RunStore(run_dir, writes=False).weights(wanted)


def check_at(run_dir: Path, cycle: int) -> str:
    """Return the check of a cycle's line in the journal; checks are chained, so that it covers all lines before.

    A cycle that waits for its labels has no line yet; the check is then that of the last line.
    """
    lines = whole_lines(run_dir / JOURNAL)
    return str(json.loads(lines[min(cycle + 2, len(lines) - 1)])["check"])
