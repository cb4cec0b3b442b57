"""Many runs at once: with a child that only pretends where scheduling is the matter, and with real runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from al_lightning.errors import UsageError
from al_lightning.launcher import Job
from al_lightning.launcher.local import LocalLauncher
from al_lightning.launcher.machine import cores, visible_gpus
from tests.support.errors import raises
from tests.support.launched import drive, jobs_of, run, said
from tests.support.processes import environment


def ran(job: Job) -> list[list[str]]:
    return [line.split() for line in (job.directory / "ran").read_text().splitlines()]


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
    assert [outcome.state for outcome in outcomes] == ["interrupted", "failed", "interrupted"]
    assert outcomes[0].exit_code in (75, -signal.SIGTERM)  # as it came to handle the signal
    assert [outcome.exit_code for outcome in outcomes[1:]] == [4, None]
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
