"""The end of a launcher: by a lock, Ctrl-C or a kill, and what becomes of its runs."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from al_lightning.launcher import Job
from al_lightning.launcher.job import LOCK
from al_lightning.launcher.local import LocalLauncher
from al_lightning.runs.lock import Lock
from tests.support.launched import DRIVER, await_files, drive, jobs_of, run, said
from tests.support.processes import ROOT, STAGES, family, is_gone
from tests.support.runs import SMALL_NETWORK, TINY


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


@pytest.mark.slow
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
    job = Job("small_image_folder_random", 0, Path("d/0"), tuple(map(str, options)))
    outcomes = run(again := LocalLauncher(1), [job])
    assert outcomes[0].state == "done", outcomes[0].log_end
    assert re.search(r"small_image_folder_random, seed 0: done in \d+ s, accuracy \d+\.\d\d %", said(again))
    assert not job.progress.exists()
