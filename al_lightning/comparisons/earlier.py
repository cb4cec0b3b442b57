"""Runs of a comparison that were made before: which are read, and which stand in the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_lightning.config.experiment import Experiment
from al_lightning.errors import UsageError
from al_lightning.runs.identity import in_short
from al_lightning.runs.journal import JOURNAL, Run, RunRecord, read_run
from al_lightning.runs.store import differing

LATER: dict[str, Any] = {"trained": "", "remarks": [], "features": ""}
"""What a first line of a journal has only once the data were looked at."""


def made(directory: Path, experiment: Experiment, wanted: RunRecord, looked: bool = True) -> Run | None:
    """Return a run that was made before; None where there is none.

    Args:
        directory: of the run.
        experiment: its configuration, at any seed.
        wanted: the first line of its journal.
        looked: whether `wanted` has what `LATER` lists.

    Raises:
        UsageError: the directory holds something else.
    """
    if not directory.exists():
        return None
    budgets = 1 if experiment.acquisition.one_fit else experiment.budget.cycles + 1
    run = read_run(directory) if (directory / JOURNAL).is_file() else None
    other = "something that is no run" if run is None else other_run(run, wanted, budgets, () if looked else LATER)
    if other:
        raise UsageError(
            f"{directory} holds {other}. Nothing there was changed. To keep it, name another folder for the runs "
            f"of this comparison: --run_dir DIR; else delete {directory}."
        )
    return run


def other_run(run: Run, wanted: RunRecord, budgets: int, beside: Iterable[str] = ()) -> str:
    """Return what a run is that cannot serve as a wanted one; "" where it can. Names `beside` do not count."""
    aside: dict[str, Any] = {"versions": {}, "oracle": "", "command": [], **{name: LATER[name] for name in beside}}
    if replace(run.record, **aside) != replace(wanted, **aside):
        return f"another run ({in_short(differing(run.record, wanted)) or 'other images, labels or code'})"
    if len(run.cycles) == budgets:
        return ""
    if not run.cycles or run.cycles[-1].chosen:
        return "a run that is not finished (the `fit` command that began it goes on)"
    return f"a run with {len(run.cycles)} budgets, and this comparison has {budgets} (--budget.cycles {budgets - 1})"
