"""SIGTERM, SIGINT, failures and deaths, of one process or all, in every stage: all end soon, nothing is lost."""

import os
import signal
import time
from pathlib import Path

import pytest
from conftest import journal
from drivers import arguments, await_stage, finish, is_gone, ranks, start

pytestmark = pytest.mark.slow
STAGES = ["fit/1", "test/1", "score/1", "select/1", "label/1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, list[dict[str, object]]]]:
    """Journals of runs that nobody stopped, by number of processes; made when first asked for."""
    return {}


def unstopped(
    whole: dict[int, tuple[Path, list[dict[str, object]]]], here: Path, data: Path, processes: int
) -> list[dict[str, object]]:
    if processes not in whole:
        finish(here, arguments(data, "--trainer.devices", processes, "--run_dir", "whole"))
        whole[processes] = here, journal(here / "whole")
    return whole[processes][1]


def signalled(here: Path, options: list[str], stage: str, processes: int, to: str, number: signal.Signals) -> str:
    """Run until the stage, signal some processes, hold them to their promise, return what was printed."""
    run = start(here, options, LINGER=stage)
    await_stage(here, run, processes, only_first=stage.startswith(("select", "label")))
    pids = ranks(run)
    assert len(pids) == processes
    begun = time.monotonic()
    if to == "group":
        os.killpg(run.pid, number)
    else:
        for rank in map(int, to.split(",")):
            os.kill(pids[rank], number)
    out, _ = run.communicate(timeout=25)
    assert run.returncode == 75, out
    assert time.monotonic() - begun < 10
    deadline = time.monotonic() + 1
    while not all(map(is_gone, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert out.count("run the same command to go on") == 1, out
    return out


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("processes", "to"), [(1, "0"), (1, "group"), (2, "0"), (2, "1"), (2, "0,1"), (2, "group")])
def test_a_signal_in_every_stage(
    here: Path,
    class_folders: Path,
    whole: dict[int, tuple[Path, list[dict[str, object]]]],
    stage: str,
    processes: int,
    to: str,
) -> None:
    expected = unstopped(whole, here, class_folders, processes)
    number = signal.SIGINT if to in ("0,1", "0") and stage in STAGES[::2] else signal.SIGTERM
    options = arguments(class_folders, "--trainer.devices", processes, "--run_dir", "r", "--data.workers", 1)
    out = signalled(here, options, stage, processes, to, number)
    assert f"Stopped by {number.name}" in out
    if stage.startswith("fit"):  # it was worth a moment's patience: less than a chunk was lost
        (saved,) = (here / "r/cycle_01/member_0").glob("step_*.ckpt")
        assert saved.name != "step_4.ckpt"
    finish(here, options)
    assert journal(here / "r") == expected
