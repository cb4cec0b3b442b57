"""The number of processes changes neither what is chosen from given weights nor the metrics."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
pytestmark = pytest.mark.slow


def command(here: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "al_lightning", *map(str, arguments)]
    return subprocess.run(line, cwd=here, capture_output=True, text=True, env=environment, timeout=300)


def test_two_processes_train_test_score_and_agree(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--data.batch_size", 6]
    options += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2]
    done = command(
        here, "fit", "--config", "image_folder_coreset", *options, "--trainer.devices", 2, "--run_dir", "two"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("area") == 1  # one process prints
    run = journal(here / "two")
    assert [cycle["labelled"] for cycle in run[1:]] == [6, 12, 18]
    for strategy in ("coreset", "entropy", "random"):
        chosen = [
            json.loads(
                command(
                    here, "query", "two", "--cycle", 1, "--acquisition", strategy, "--trainer.devices", processes
                ).stdout.splitlines()[-1]
            )
            for processes in (1, 2, 3)
        ]
        assert chosen[0] == chosen[1] == chosen[2]
        if strategy == "coreset":
            assert chosen[0] == run[2]["chosen"]
    # The same weights, tested by one process: delete what was measured, keep the weights, and go on with one.
    before = run[3]["metrics"]
    lines = (here / "two/cycles.jsonl").read_text().splitlines(keepends=True)
    (here / "two/cycles.jsonl").write_text("".join(lines[:-1]))
    (here / "two/cycle_02/metrics.json").unlink()
    again = al("fit", "--config", "image_folder_coreset", *options, "--run_dir", "two")
    assert again.code == 0, again.err
    assert journal(here / "two")[3]["metrics"] == before


def test_torchrun_is_the_same_code_path(here: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29511"]
    line += ["-m", "al_lightning", "fit", "--config", "digits_entropy", "--steps", "6", "--budget.cycles", "1"]
    line += ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--run_dir", "r"]
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [len(cycle["chosen"]) for cycle in journal(here / "r")[1:]] == [20, 0]
