"""SIGTERM, SIGINT, failures and deaths, of one process or all, in every stage: all end soon, nothing is lost."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from al_lightning.distributed.shutdown import AGAIN
from tests.support.errors import lacking
from tests.support.processes import arguments, await_stage, finish, is_gone, pause, ranks, start
from tests.support.runs import journal

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


def await_end(pids: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not all(map(is_gone, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    await_end(pids, 1)
    assert out.count(AGAIN) == 1, out
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


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("paused", "then"), [(0, "continued"), (0, "killed"), (1, "continued"), (1, "killed")])
def test_a_signal_while_the_other_process_is_paused(
    here: Path,
    class_folders: Path,
    whole: dict[int, tuple[Path, list[dict[str, object]]]],
    stage: str,
    paused: int,
    then: str,
) -> None:
    """The paused one is continued, or killed, once the other has ended."""
    expected = unstopped(whole, here, class_folders, 2)
    options = arguments(class_folders, "--trainer.devices", 2, "--run_dir", "r")
    run = start(here, options, LINGER=stage)
    await_stage(here, run, 2, only_first=stage.startswith(("select", "label")))
    pids = ranks(run)
    pause(pids[paused])
    os.kill(pids[1 - paused], signal.SIGTERM)
    await_end([pids[1 - paused]], 15)
    with contextlib.suppress(ProcessLookupError):  # process 0 ends those that it started
        os.kill(pids[paused], signal.SIGCONT if then == "continued" else signal.SIGKILL)
    await_end(pids, 15)
    out, _ = run.communicate(timeout=10)  # data workers may hold the output a little longer
    killed = paused == 0 and then == "killed"
    assert run.returncode == (-signal.SIGKILL if killed else 75), out
    sentences = [line for line in out.splitlines() if AGAIN in line]
    silent = [line for line in sentences if not lacking(line, ["process 0 of 2", "paused", "kill -CONT"])]
    assert len(silent) == (paused == 0), out
    assert len(sentences) == (2 if paused == 0 and not killed else 1), out
    finish(here, options)
    assert journal(here / "r") == expected


def test_a_process_killed_while_the_other_is_paused(
    here: Path, class_folders: Path, whole: dict[int, tuple[Path, list[dict[str, object]]]]
) -> None:
    """Process 1 finds, once it is continued, that process 0 is gone."""
    expected = unstopped(whole, here, class_folders, 2)
    options = arguments(class_folders, "--trainer.devices", 2, "--run_dir", "r", "--data.workers", 1)
    run = start(here, options, LINGER="fit/1")
    await_stage(here, run, 2)
    pids = ranks(run)
    pause(pids[1])
    os.kill(pids[0], signal.SIGKILL)
    os.kill(pids[1], signal.SIGCONT)
    await_end(pids, 15)
    out, _ = run.communicate(timeout=10)
    assert out.count("Process 0 of 2") == 1, out
    finish(here, options)
    assert journal(here / "r") == expected


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(("rank", "delay"), [(0, 0.6), (0, 2.0), (0, 4.0), (1, 1.0), (1, 3.0), (1, 6.0)])
def test_a_signal_while_the_processes_start(
    here: Path, class_folders: Path, rank: int, delay: float, number: signal.Signals
) -> None:
    run = start(here, arguments(class_folders, "--trainer.devices", 2, "--run_dir", "r"), LINGER="fit/0")
    while rank and len(ranks(run)) < 2:
        time.sleep(0.01)
    time.sleep(delay)
    os.kill(ranks(run)[rank], number)
    out, _ = run.communicate(timeout=15)
    assert (run.returncode, out.count(AGAIN)) == (75, 1), out


def test_another_signal_can_be_named(here: Path, class_folders: Path) -> None:
    options = arguments(class_folders, "--trainer.devices", 1, "--run_dir", "r", "--stop_on", "usr1")
    out = signalled(here, options, "fit/0", 1, "0", signal.SIGUSR1)
    assert "Stopped by SIGUSR1" in out


def test_a_second_interrupt_does_not_wait(here: Path, class_folders: Path) -> None:
    run = start(here, arguments(class_folders, "--run_dir", "r"), LINGER="fit/0", LINGER_SECONDS=30)
    await_stage(here, run, 1)
    os.kill(run.pid, signal.SIGINT)
    time.sleep(1.5)
    assert run.poll() is None
    os.kill(run.pid, signal.SIGINT)
    out, _ = run.communicate(timeout=3)
    assert run.returncode == 75
    assert "SIGINT: ending the step and saving" in out


def test_a_step_that_does_not_end_is_not_waited_for_long(here: Path, class_folders: Path) -> None:
    run = start(here, arguments(class_folders, "--run_dir", "r"), LINGER="fit/0", LINGER_SECONDS=60)
    await_stage(here, run, 1)
    os.kill(run.pid, signal.SIGTERM)
    run.communicate(timeout=25)
    assert run.returncode == 75


@pytest.mark.parametrize("stage", ["fit/1", "test/1", "score/1"])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_fails_ends_all_with_its_reason(
    here: Path,
    class_folders: Path,
    whole: dict[int, tuple[Path, list[dict[str, object]]]],
    stage: str,
    rank: int,
) -> None:
    expected = unstopped(whole, here, class_folders, 2)
    options = arguments(class_folders, "--trainer.devices", 2, "--run_dir", "r")
    run = start(here, options, LINGER=stage, FAIL_RANK=rank)
    await_stage(here, run, 2)
    pids = ranks(run)
    out, _ = run.communicate(timeout=20)
    assert run.returncode == 1, out
    assert all(map(is_gone, pids))
    assert out.count("al-lightning: ") == 1, out
    assert not lacking(out, ["Process 1 of 2: "] * rank + ["memory", "--data.batch_size"]), out
    finish(here, options)
    assert journal(here / "r") == expected


@pytest.mark.parametrize("stage", ["fit/1", "score/1", "select/1"])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_all(
    here: Path,
    class_folders: Path,
    whole: dict[int, tuple[Path, list[dict[str, object]]]],
    stage: str,
    rank: int,
) -> None:
    expected = unstopped(whole, here, class_folders, 2)
    options = arguments(class_folders, "--trainer.devices", 2, "--run_dir", "r", "--data.workers", 1)
    run = start(here, options, LINGER=stage)
    await_stage(here, run, 2, only_first=stage.startswith("select"))
    pids = ranks(run)
    begun = time.monotonic()
    os.kill(pids[rank], signal.SIGKILL)
    out, _ = run.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert run.returncode == (1 if rank else -signal.SIGKILL)
    assert all(map(is_gone, pids))
    cause = ["Process 1 of 2", "SIGKILL"] if rank else ["Process 0 of 2"]
    assert (out.count("al-lightning: "), lacking(out, cause)) == (1, []), out
    finish(here, options)
    assert journal(here / "r") == expected


@pytest.mark.parametrize("delay", [0.3, 1.5, 3.0, 4.5, 6.0])
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_while_it_starts_ends_all(
    here: Path, class_folders: Path, rank: int, delay: float
) -> None:
    # Far more steps than are done: the run is not to end before the kill.
    options = ["--trainer.devices", 2, "--run_dir", "r", "--data.workers", 1]
    run = start(here, arguments(class_folders, *options, steps=2000, chunk=500))
    while len(pids := ranks(run)) < 2:
        assert run.poll() is None
        time.sleep(0.01)
    time.sleep(delay)
    os.kill(pids[rank], signal.SIGKILL)
    out, _ = run.communicate(timeout=15)
    await_end(pids, 5)
    assert run.returncode == (1 if rank else -signal.SIGKILL), out
    if rank:
        assert (out.count("Process 1 of 2"), out.count("SIGKILL")) == (1, 1), out
