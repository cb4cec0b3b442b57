"""Many runs at once: with a child that only pretends where scheduling is the matter, and with real runs."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from al_lightning.errors import UsageError
from al_lightning.launcher import Job, Outcome, local
from al_lightning.launcher.job import LOCK
from al_lightning.launcher.local import LocalLauncher
from al_lightning.launcher.machine import cores, visible_gpus
from al_lightning.runs.lock import Lock
from tests.support.errors import raises
from tests.support.processes import ROOT, STAGES, environment, family, is_gone
from tests.support.runs import SMALL_NETWORK, TINY

CHILD = """
import os, signal, subprocess, sys, time
from pathlib import Path
directory, mode = Path(sys.argv[1]), sys.argv[2]
with (directory / "ran").open("a") as file:
    gpus, threads = os.environ["CUDA_VISIBLE_DEVICES"] or "-", os.environ["OMP_NUM_THREADS"]
    print(os.getpid(), gpus, threads, *sys.argv[3:], file=file)
def stop(*_):
    (directory / "asked").touch()
    if mode != "stubborn":
        sys.exit(75)
signal.signal(signal.SIGTERM, stop)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
print("first line\\n" * 20 + "al-lightning: the last line")
sys.stdout.flush()
if mode.isdecimal():
    sys.exit(int(mode))
if mode == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "litter":
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    (directory / "left").write_text(str(left.pid))
if mode == "taken" and not (directory / "done").exists():
    (directory / "done").touch()
    sys.exit(73)
while mode in ("hang", "stubborn") and not (mode == "hang" and (directory / "asked").exists()):
    time.sleep(0.02)
if mode == "work":
    time.sleep(0.15)
(directory / "done").touch()
"""
DRIVER = """
import sys
from pathlib import Path
from al_lightning.errors import ALError
from al_lightning.distributed.shutdown import shutdown
from al_lightning.launcher import Job
from al_lightning.launcher.local import LocalLauncher
shutdown.owns_process = True
shutdown.listen()
if sys.argv[1] != "real":
    Job.command = property(lambda job: [sys.executable, "child.py", str(job.directory), *job.options])
    jobs = [Job("name", seed, Path(f"d/{seed}"), (sys.argv[1],)) for seed in range(int(sys.argv[2]))]
else:
    jobs = [Job("image_folder_random", 0, Path("d/0"), tuple(sys.argv[2:]))]
try:
    outcomes = LocalLauncher(slots=2).run(jobs, complete=lambda job: (job.directory / "done").exists())
except ALError as error:
    sys.exit(shutdown.end(error.exit_code, str(error)))
print(*(outcome.state for outcome in outcomes))
"""


@pytest.fixture
def fake(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a child that pretends, in place of `al-lightning fit`."""
    (here / "child.py").write_text(CHILD)
    (here / "driver.py").write_text(DRIVER)
    monkeypatch.setattr(
        Job, "command", property(lambda job: [sys.executable, "child.py", str(job.directory), *job.options])
    )
    monkeypatch.setattr(local, "RETRY_SECONDS", 0.1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return here


def jobs_of(*modes: str) -> list[Job]:
    return [Job("name", number, Path(f"d/{number}"), (mode,)) for number, mode in enumerate(modes)]


def run(launcher: LocalLauncher, jobs: list[Job], **more: Callable[[Job], bool]) -> list[Outcome]:
    launcher.stream = io.StringIO()
    return launcher.run(jobs, **more)


def said(launcher: LocalLauncher) -> str:
    assert isinstance(launcher.stream, io.StringIO)
    return launcher.stream.getvalue()


def ran(job: Job) -> list[list[str]]:
    return [line.split() for line in (job.directory / "ran").read_text().splitlines()]


def drive(here: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "driver.py", *map(str, arguments)],
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def await_files(*paths: Path) -> None:
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, paths
        time.sleep(0.02)


@pytest.fixture
def reaped() -> Iterator[list[int]]:
    """Process ids that must be gone at the end."""
    pids: list[int] = []
    yield pids
    deadline = time.monotonic() + 3
    while not all(map(is_gone, pids)):
        assert time.monotonic() < deadline, [pid for pid in pids if not is_gone(pid)]
        time.sleep(0.02)


def test_a_job_is_a_command() -> None:
    job = Job("digits_entropy", 3, Path("runs/x"), ("--steps", "2"))
    arguments = ["fit", "--config", "digits_entropy", "--seed", "3", "--run_dir", "runs/x", "--steps", "2"]
    assert job.command == [sys.executable, "-m", "al_lightning", *arguments]


def test_each_run_ends_in_its_own_way_and_the_others_go_on(fake: Path, reaped: list[int]) -> None:
    jobs = jobs_of("3", "75", "ok", "76", "killed", "litter")
    outcomes = run(launcher := LocalLauncher(2), [*jobs, jobs[0]])
    assert [outcome.job for outcome in outcomes] == [*jobs, jobs[0]]
    assert [(outcome.state, outcome.exit_code) for outcome in outcomes] == [
        ("failed", 3),
        ("interrupted", 75),
        ("done", 0),
        ("labels", 76),
        ("failed", -9),
        ("done", 0),
        ("failed", 3),
    ]
    assert len(ran(jobs[0])) == 1  # an equal job is run once
    assert outcomes[0].log_end.splitlines() == ["first line"] * 4 + ["al-lightning: the last line"]
    assert outcomes[4].log_end.splitlines()[-1] == "ended by SIGKILL (out of memory?)"
    assert jobs[2].log.read_text().startswith("first line")
    reaped.append(int((jobs[5].directory / "left").read_text()))
    lines = said(launcher).splitlines()
    assert lines[0] == "name, seed 0 (1 of 6)"
    failed = lines.index("name, seed 0: failed with exit code 3; d/0/log.txt ends:")
    assert lines[failed + 5] == "    al-lightning: the last line"
    assert "name, seed 1: interrupted; the same command continues" in lines
    assert "name, seed 3: waits for labels of the chosen images (the last line)" in lines
    assert lines[-1] == "2 of 6 done, 2 failed, 1 interrupted, 1 waiting for labels."


def test_what_cannot_start_is_a_failure_like_another(fake: Path) -> None:
    (fake / "d").mkdir()
    (fake / "d/0").write_text("a file where a folder should be")
    outcomes = run(LocalLauncher(1), jobs_of("ok", "ok"))
    assert [outcome.state for outcome in outcomes] == ["failed", "done"]
    assert "d/0" in outcomes[0].log_end
    with raises(UsageError, "name, seed 0", "name, seed 1", "d/../d/0"):
        LocalLauncher(1).run([Job("name", 0, Path("d/0")), Job("name", 1, Path("d/../d/0"))])


def test_the_first_failure_ends_the_others_where_that_is_wanted(fake: Path) -> None:
    jobs = jobs_of("hang", "4", "ok")
    outcomes = run(LocalLauncher(2, fail_fast=True), jobs)
    assert [(outcome.state, outcome.exit_code) for outcome in outcomes] == [
        ("interrupted", 75),
        ("failed", 4),
        ("interrupted", None),
    ]
    assert not jobs[2].directory.exists()


def test_runs_are_spread_over_gpus_and_cores(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7,-1,9")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert visible_gpus() == ["4", "GPU-7"]
    jobs = jobs_of(*["work"] * 4)
    launcher = LocalLauncher(slots_per_gpu=2)
    assert launcher.slots == 4
    run(launcher, jobs)
    assert sorted(line[1] for job in jobs for line in ran(job)) == ["4", "4", "GPU-7", "GPU-7"]
    assert ran(jobs[0])[0][2] == str(max(1, cores() // 4))
    both = LocalLauncher(gpus_per_run=2)
    run(both, [Job("name", 9, Path("d/9"), ("ok",))])
    assert (both.slots, ran(Job("name", 9, Path("d/9")))[0][1:2]) == (1, ["4,GPU-7"])
    assert ran(Job("name", 9, Path("d/9")))[0][3:] == ["--trainer.devices", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    cpu = LocalLauncher()
    assert cpu.slots == cores()
    run(cpu, jobs[:1])
    assert ran(jobs[0])[1][2] == "5"
    for wrong, facts in (
        ({"slots": 0}, ["slots is 0", "at least 1"]),
        ({"gpus_per_run": 2}, ["gpus_per_run is 2", "0 GPUs"]),
    ):
        with raises(UsageError, *facts):
            LocalLauncher(**wrong)


def test_two_launchers_at_once_run_each_run_once(fake: Path) -> None:
    both = [drive(fake, "work", 6) for _ in range(2)]
    for launcher in both:
        out, _ = launcher.communicate(timeout=60)
        assert out.splitlines()[-1] == " ".join(["done"] * 6), out
    assert [len(ran(job)) for job in jobs_of(*["work"] * 6)] == [1] * 6


def test_a_run_started_by_hand_is_waited_for(fake: Path) -> None:
    code = "import sys; from pathlib import Path; from al_lightning.runs.store import RunStore\n"
    code += "store = RunStore(Path('d/0')); store.lock(); print('locked', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        begun = time.monotonic()
        killer = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill {other.pid}"])
        outcomes = run(launcher := LocalLauncher(1), jobs_of("ok", "ok"))
        assert [outcome.state for outcome in outcomes] == ["done", "done"]
        assert time.monotonic() - begun > 0.5
        assert "name, seed 0: another process is at work on it" in said(launcher)
        killer.wait()
    assert run(LocalLauncher(1), jobs_of("ok", "ok", "taken"))[2].exit_code == 0  # taken between our look and its start


def test_a_launcher_holds_what_it_runs(fake: Path) -> None:
    launcher = drive(fake, "hang", 1)
    await_files(fake / "d/0/ran")
    assert not Lock(fake / "d/0" / LOCK).take()
    launcher.kill()
    launcher.communicate()
    (fake / "d/0/asked").touch()  # that one is not of the family that dies with its launcher
    with Lock(fake / "d/0" / LOCK) as lock:
        assert lock.take()


def test_ctrl_c_stops_all_and_the_same_command_goes_on(fake: Path, reaped: list[int]) -> None:
    launcher = drive(fake, "hang", 3)
    jobs = jobs_of("hang", "hang", "hang")
    await_files(*(job.log for job in jobs[:2]))
    await_files(*(job.directory / "ran" for job in jobs[:2]))
    time.sleep(0.2)
    reaped += [pid for pid, _ in family(launcher.pid)]
    assert len(reaped) == 3
    launcher.send_signal(signal.SIGINT)
    out, _ = launcher.communicate(timeout=20)
    assert launcher.returncode == 75
    assert "al-lightning: Stopped by SIGINT; run the same command to go on." in out
    assert all((job.directory / "asked").exists() for job in jobs[:2])
    assert not jobs[2].directory.exists()
    again = drive(fake, "hang", 2)
    out, _ = again.communicate(timeout=20)
    assert (again.returncode, out.splitlines()[-1]) == (0, "done done")


def test_a_second_ctrl_c_does_not_wait(fake: Path, reaped: list[int]) -> None:
    launcher = drive(fake, "stubborn", 1)
    await_files(fake / "d/0/log.txt", fake / "d/0/ran")
    time.sleep(0.2)
    reaped += [pid for pid, _ in family(launcher.pid)]
    launcher.send_signal(signal.SIGINT)
    time.sleep(1.2)
    assert launcher.poll() is None
    begun = time.monotonic()
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=20)
    assert (launcher.returncode, time.monotonic() - begun < 2) == (75, True)


def test_real_runs_show_progress_and_die_with_their_launcher(
    here: Path, class_folders: Path, reaped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed with its launcher, mid-fit, and one launched after it, which finishes the first."""
    (here / "driver.py").write_text(DRIVER)
    (here / "stages.py").write_text(STAGES)
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--chunk", 2]
    options += ["--budget.cycles", 0, "--trainer.callbacks", "stages.Watch"]
    monkeypatch.setenv("LINGER", "fit/0")
    monkeypatch.setenv("LINGER_SECONDS", "0.6")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    launcher = drive(here, "real", *options)
    await_files(here / "d/0/.progress.json")
    told = json.loads((here / "d/0/.progress.json").read_text())
    assert re.fullmatch(r"cycle 0/0, \d+ labelled: fit", told["title"])
    assert (told["total"], told["metric"], told["cycles"]) == (6, "", 0)
    await_files(here / "at-0")
    reaped += [pid for pid, _ in family(launcher.pid)]
    assert len(reaped) >= 2
    launcher.kill()
    launcher.communicate()
    deadline = time.monotonic() + 3
    while not all(map(is_gone, reaped)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    monkeypatch.delenv("LINGER")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{here}")
    job = Job("image_folder_random", 0, Path("d/0"), tuple(map(str, options)))
    outcomes = run(again := LocalLauncher(1), [job])
    assert outcomes[0].state == "done", outcomes[0].log_end
    assert re.search(r"image_folder_random, seed 0: done in \d+ s, accuracy \d+\.\d\d %", said(again))
    assert not job.progress.exists()
