"""Training curves after runs that were stopped and runs that were not."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.event_files import event_files, scalars, training_curves
from tests.support.processes import arguments, await_stage, finish, kill_all, start
from tests.support.runs import Answer

Call = Callable[..., Answer]


@pytest.mark.parametrize(
    ("step", "files"), [(2, 1), (5, 2), *(pytest.param(step, 2, marks=pytest.mark.slow) for step in (4, 8))]
)
def test_a_restart_leaves_the_training_curves_of_an_uninterrupted_run(
    al: Call, here: Path, whole: Path, stop: dict[str, Any], options: list[object], step: int, files: int
) -> None:
    stop["at"] = (1, step)
    assert al("fit", *options, "--run_dir", "r").code == 1
    stop["at"] = None
    assert al("fit", *options, "--run_dir", "r").code == 0
    curves = training_curves(whole)
    assert training_curves(here / "r") == curves
    assert [step for step, _ in curves["cycle_01/member_0"]["train/loss"]] == [2, 4, 6, 8, 10]
    # One file for each process that trained: none of those that only tested or scored.
    counts = [len(list((here / f"r/cycle_{cycle:02d}/member_0").glob("*tfevents*"))) for cycle in range(3)]
    assert counts == [1, files, 1]


def test_a_process_that_only_tests_and_scores_leaves_no_event_file(
    al: Call, here: Path, options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("al_lightning.runs.store.RunStore.save_selection", fail_in_cycle)
        assert al("fit", *options, "--run_dir", "r").code == 1
    before = event_files(here / "r")
    assert len(before) == 1
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    member = here / "r/cycle_00/member_0"
    assert [path for path in event_files(here / "r") if path.parent == member] == before
    assert {tag.split("/")[0] for tag in scalars(member)} == {"train"}


def fail_in_cycle(store: object, cycle: int | None, *rest: object) -> None:
    if cycle is not None:
        raise RuntimeError("stopped by the test")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "asked"])
def test_two_processes_write_one_set_of_curves(here: Path, class_folders: Path, how: str) -> None:
    options = arguments(class_folders, "--trainer.devices", 2, cycles=0)
    run = start(here, [*options, "--run_dir", "r"], LINGER="fit/0", LINGER_SECONDS=0.2)
    await_stage(here, run, 2)
    if how == "killed":
        kill_all(run)
    else:
        os.kill(run.pid, signal.SIGTERM)
        run.communicate(timeout=60)
    finish(here, [*options, "--run_dir", "r"])
    curves = training_curves(here / "r")["cycle_00/member_0"]
    assert [step for step, _ in curves["train/loss"]] == [2, 4, 6, 8, 10]
    if how == "killed":
        finish(here, [*options, "--run_dir", "whole"])
        assert training_curves(here / "r") == training_curves(here / "whole")
        assert scalars(here / "r/curve") == scalars(here / "whole/curve")
        assert len(event_files(here / "whole")) == 1 + 1 + 1  # member, cycle, hyper-parameters
