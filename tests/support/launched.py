"""Jobs whose child only pretends to be a run, and a launcher in a process of its own."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from al_lightning.cli.main import main
from al_lightning.launcher import Job, Outcome
from al_lightning.launcher.job import Complete, outcome_of
from al_lightning.launcher.local import LocalLauncher
from tests.support.processes import environment

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
    jobs = [Job("small_image_folder_random", 0, Path("d/0"), tuple(sys.argv[2:]))]
try:
    outcomes = LocalLauncher(slots=2).run(jobs, complete=lambda job: (job.directory / "done").exists())
except ALError as error:
    sys.exit(shutdown.end(error.exit_code, str(error)))
print(*(outcome.state for outcome in outcomes))
"""


def jobs_of(*modes: str) -> list[Job]:
    return [Job("name", number, Path(f"d/{number}"), (mode,)) for number, mode in enumerate(modes)]


def run(launcher: LocalLauncher, jobs: list[Job], **more: Callable[[Job], bool]) -> list[Outcome]:
    launcher.stream = io.StringIO()
    return launcher.run(jobs, **more)


def said(launcher: LocalLauncher) -> str:
    assert isinstance(launcher.stream, io.StringIO)
    return launcher.stream.getvalue()


def run_here(launcher: LocalLauncher, jobs: Sequence[Job], complete: Complete = lambda job: False) -> list[Outcome]:
    """In place of `LocalLauncher.run`: one run after another in this process, which has imported everything."""
    outcomes = []
    for job in jobs:
        if complete(job):
            outcomes.append(Outcome(job, "done"))
            continue
        job.directory.mkdir(parents=True, exist_ok=True)
        with job.log.open("w") as log, redirect_stdout(log), redirect_stderr(log):
            code = main(job.command[3:])
        outcomes.append(outcome_of(job, code, 0.0))
    return outcomes


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
