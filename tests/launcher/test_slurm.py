"""The cluster launcher: submitit's own executors, the batch script's text, and a SLURM that a few scripts pretend."""

from __future__ import annotations

import builtins
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from submitit import SlurmJob

from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import ALError, Interrupted, UsageError
from al_lightning.launcher import Job
from al_lightning.launcher import slurm as module
from al_lightning.launcher.slurm import SlurmLauncher, minutes
from al_lightning.launcher.task import Task
from tests.support.errors import raises
from tests.support.fake_slurm import CHILD, SLURM
from tests.support.launched import jobs_of
from tests.support.processes import ROOT
from tests.support.runs import SMALL_NETWORK, TINY


@pytest.fixture
def fake(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A child that pretends, in place of `al-lightning fit`, and quick looks at the queue."""
    (here / "child.py").write_text(CHILD)
    monkeypatch.setattr(
        Job, "command", property(lambda job: [sys.executable, "child.py", str(job.directory), *job.options])
    )
    monkeypatch.setattr(module, "QUERY_SECONDS", 0.1)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield here
    for run in (path for path in here.glob("d/*") if path.is_dir()):  # jobs that wait after a test that failed end
        (run / "go").touch()


@pytest.fixture
def cluster(fake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SLURM's commands."""
    home = fake / "slurm"
    home.mkdir()
    for name in ("sbatch", "srun", "scontrol", "sacct"):
        (home / name).write_text(SLURM.format(python=sys.executable, home=home))
        (home / name).chmod(0o755)
    SlurmJob.watcher.clear()  # the same numbers come again
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}{os.environ['PATH']}")
    return home


def launcher_of(**options: Any) -> SlurmLauncher:
    return SlurmLauncher(**{"gpus": 0, "stream": io.StringIO(), **options})


@pytest.mark.parametrize(
    ("text", "expected"), [(90, 90), ("90", 90), ("01:30:00", 90), ("1-00:00:01", 1441), ("00:00:30", 1)]
)
def test_time_limits(text: int | str, expected: int) -> None:
    assert minutes(text) == expected


def test_mistakes_cost_a_sentence(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong, facts in (
        ({"time": "soon"}, ["time limit", "'soon'", "HH:MM:SS"]),
        ({"time": 0}, ["time limit", "0", "a minute"]),
        ({"nodes": 0}, ["nodes", "at least 1"]),
        ({"gpus": -1}, ["gpus", "at least 0"]),
        ({"signal_delay": 5}, ["signal_delay is 5", "60 s"]),
    ):
        with raises(UsageError, *facts):
            SlurmLauncher(**{"cluster": "local", **wrong})
    monkeypatch.setenv("PATH", str(here))
    with raises(UsageError, "srun"):
        SlurmLauncher()
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("submitit"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with raises(UsageError, "'al-lightning[slurm]'"):
        SlurmLauncher()


def test_the_batch_script(cluster: Path) -> None:
    launcher = SlurmLauncher(
        partition="gpu",
        time="1-02:00:00",
        gpus=4,
        nodes=2,
        cpus_per_task=6,
        mem_gb=64,
        at_once=2,
        setup=["module load cuda"],
        more={"account": "vision"},
        stream=io.StringIO(),
    )
    (cluster / "srun").write_text("#!/bin/sh\nexit 0\n")
    (cluster / "sacct").write_text("#!/bin/sh\nprintf 'JobID|State|NodeList\\n7_[0-2]|CANCELLED by 5|None\\n'\n")
    outcomes = launcher.run(jobs_of("0", "0", "0"))
    assert [outcome.state for outcome in outcomes] == ["interrupted"] * 3
    assert outcomes[0].log_end.splitlines()[-1] == "SLURM: CANCELLED BY 5"
    script = (cluster / "script.sh").read_text()
    lines = [line for line in script.splitlines() if not re.search("--(output|error|wckey)=|^srun", line)]
    folder = Path("runs/slurm").absolute()
    assert "\n".join(lines) == (
        """#!/bin/bash

# Parameters
#SBATCH --account=vision
#SBATCH --array=0-2%2
#SBATCH --cpus-per-task=6
#SBATCH --gpus-per-node=4
#SBATCH --job-name=al-lightning
#SBATCH --mem=64GB
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --open-mode=append
#SBATCH --partition=gpu
#SBATCH --requeue
#SBATCH --signal=USR2@120
#SBATCH --time=1560

# setup
module load cuda

# command
export SUBMITIT_EXECUTOR=slurm"""
    )
    command = next(line for line in script.splitlines() if line.startswith("srun"))
    assert command.endswith(f"--kill-on-bad-exit=1 {sys.executable} -u -m submitit.core._submit {folder}")


def test_runs_of_an_array_end_in_their_own_way_and_a_warned_one_enters_the_queue_again(cluster: Path) -> None:
    jobs = jobs_of("0", "warned", "3", "76")
    launcher = launcher_of(gpus=2)  # two processes a run
    outcomes = launcher.run([*jobs, jobs[0]])
    assert [(outcome.state, outcome.exit_code) for outcome in outcomes] == [
        ("done", 0),
        ("done", 0),
        ("failed", 3),
        ("labels", 76),
        ("done", 0),
    ]
    deadline = time.monotonic() + 30  # the run is done when process 0 is; the other may come a moment later
    while len(list(jobs[1].directory.glob("ran-*"))) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    ran = {path.name: path.read_text() for path in jobs[1].directory.glob("ran-*")}
    assert sorted(ran) == ["ran-0-0", "ran-0-1", "ran-1-0", "ran-1-1"]
    assert "'SLURM_NTASKS': '2', 'SLURM_STEP_ID': '0'" in ran["ran-1-0"]
    assert f"'AL_PROGRESS': '{jobs[1].progress.absolute()}'" in ran["ran-0-0"]
    assert [path.read_text() for path in cluster.glob("again-*")] == ["requeue 7_1"]
    assert jobs[1].log.read_text().splitlines() == ["rank 0 time 0", "rank 0 time 1"]
    assert outcomes[2].log_end == "rank 0 time 0"
    assert not list(Path("d").rglob(".slurm.json"))


def test_the_queue_outlives_the_launcher_and_the_next_one_waits_for_it(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of("wait", "0")
    monkeypatch.setattr(shutdown, "asked", None)

    def stop() -> None:
        deadline = time.monotonic() + 30
        while not (Path("d/0/ran-0-0").exists() and Path("d/1/ran-0-0").exists()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        shutdown.asked = "SIGINT"

    timer = threading.Thread(target=stop)
    timer.start()
    stream = io.StringIO()
    with raises(Interrupted, "queue"):
        launcher_of(stream=stream).run(jobs)
    timer.join()
    assert "`scancel` ends it" in stream.getvalue()
    assert json.loads((jobs[0].directory / ".slurm.json").read_text())["job"] == "7_0"
    monkeypatch.setattr(shutdown, "asked", None)
    timer = threading.Timer(0.5, (jobs[0].directory / "go").touch)
    timer.start()
    outcomes = launcher_of().run(jobs, complete=lambda job: job.seed == 1)
    timer.join()
    assert [outcome.state for outcome in outcomes] == ["done", "done"]
    assert len((cluster / "submitted").read_text().splitlines()) == 1
    assert len(list(jobs[0].directory.glob("ran-*"))) == 1


def test_a_job_that_slurm_stops_leaves_no_result_and_is_not_queued_by_us(fake: Path) -> None:
    """After preemption SLURM starts it again by itself; one that was cancelled is to stay so."""
    called: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: called.append(number))  # as submitit does

    def stop() -> None:
        deadline = time.monotonic() + 30
        while not Path("d/log.txt").exists() or "rank" not in Path("d/log.txt").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        threading.Thread(target=stop).start()
        with pytest.raises(SystemExit, match="75"):
            Task([sys.executable, "child.py", "d", "wait"], "d/log.txt", "d/p", "USR2")()
        assert not called
        assert Task([sys.executable, "child.py", "d", "75"], "d/log.txt", "d/p", "USR2")() == 75
        assert called == [signal.SIGUSR2]  # stopped by hand on its node, and asked for again
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_the_job_of_a_failed_run_fails_after_its_result_is_written(fake: Path) -> None:
    code = "import signal, sys; from al_lightning.launcher.task import Task; signal.signal(signal.SIGUSR2, print)\n"
    code += "print(Task([sys.executable, 'child.py', 'd', '3'], 'd/log.txt', 'd/p', 'USR2')(), flush=True)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, "3\n"), ended.stderr


def test_what_sbatch_says_is_passed_on(cluster: Path) -> None:
    (cluster / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition' >&2\nexit 1\n")
    with raises(ALError, "sbatch: error: invalid partition"):
        launcher_of(partition="none").run(jobs_of("0"))


def test_a_run_that_another_launcher_has_is_waited_for(fake: Path) -> None:
    code = "import sys; from pathlib import Path; from al_lightning.runs.lock import Lock\n"
    code += "held = Lock(Path('d/0/.launcher.lock')); held.take(); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        stream = io.StringIO()

        def end_other() -> None:
            while "name, seed 0: another process is at work on it" not in stream.getvalue():
                time.sleep(0.02)
            other.kill()

        threading.Thread(target=end_other, daemon=True).start()
        outcomes = launcher_of(cluster="debug", stream=stream).run(jobs_of("0", "76"))
        assert [outcome.state for outcome in outcomes] == ["done", "labels"]


@pytest.mark.slow
def test_a_real_run_through_submitits_local_executor(
    here: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(module, "QUERY_SECONDS", 0.1)
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--budget.cycles", 0]
    job = Job("small_image_folder_random", 0, Path("r"), tuple(map(str, options)))
    launcher = launcher_of(cluster="local")
    (outcome,) = launcher.run([job])
    assert outcome.state == "done", outcome.log_end
    assert "accuracy" in outcome.log_end
    assert re.search(r"small_image_folder_random, seed 0: done in \d+ s, accuracy \d", launcher.stream.getvalue())
