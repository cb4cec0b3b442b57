"""Small settings, the answer of a command, a run's journal, and a run directory that somebody edited."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from al_lightning.config.fit_options import result_settings
from al_lightning.runs.journal import read_run
from al_lightning.runs.journal_lines import text_of
from al_lightning.runs.origins import weights_path
from al_lightning.runs.selections import choice_seal, rows_path, selection_path
from al_lightning.runs.store import RunStore


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def parts_of(name: str) -> dict[str, str]:
    """The parts of `<dataset>_<acquisition>[_mcd][_<training>]`, as a journal records them."""
    words = name.replace("_mcd", "-mcd").split("_")
    return dict(
        zip(("datasets", "acquisition", "training"), (word.replace("-mcd", "_mcd") for word in words), strict=False)
    )


def journal(run_dir: Path) -> list[dict[str, object]]:
    """What of a journal is deterministic: the run with its initial set, then its cycles."""
    lines = (run_dir / "cycles.jsonl").read_text().splitlines()
    first, *rest = (
        {k: v for k, v in json.loads(line).items() if k not in ("cost", "versions", "oracle", "command", "check")}
        for line in lines
    )
    initial = {**rest.pop(0), "kind": "run"} if rest else {}
    return [{**first, **initial}, *rest]


def forge(run_dir: Path, values: dict[str, Any]) -> None:
    """Give a run another configuration as somebody would who means harm: its journal and its seals fit it."""
    (run_dir / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    run = read_run(run_dir)
    record = replace(run.record, settings=result_settings(values), classes=[])
    forged = replace(run, record=record)
    (run_dir / "cycles.jsonl").write_text(text_of(forged.records))
    store = RunStore(run_dir)
    for cycle in range(len(run.cycles)):
        for path in (weights_path(run_dir, cycle, 0), store.metrics_path(cycle)):
            if path.is_file():
                store.fit_seal(cycle, 0).confirm(path)
    choices = {None: run.labelled_at(0), **{done.cycle: done.chosen for done in run.cycles if done.chosen}}
    for number, chosen in choices.items():
        for path in (selection_path(run_dir, number), *([] if number is None else [rows_path(run_dir, number)])):
            choice_seal(forged, number, len(chosen)).confirm(path)


TINY = ["--steps", "6", "--data.workers", "0", "--data.batch_size", "8", "--data.eval_batch_size", "16"]


SMALL_NETWORK = ["--network.depth", "10", "--network.width", "1"]


DIGITS = ["--steps", "6", "--budget.initial", "20", "--budget.query", "10", "--budget.cycles", "2"]
