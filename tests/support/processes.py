"""Runs of the real command line in processes of their own, which a test can watch, signal and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.runs import SMALL_NETWORK, TINY

STAGES = '''
"""Stages that last, and tell in which one a process is."""
import os, time
from pathlib import Path

import torch
from lightning.pytorch import Callback

from al_lightning.acquisition import Coreset
from al_lightning.networks import WideResNet
from al_lightning.oracle import Simulated

PLACE = os.environ.get("LINGER", "")
RANK = os.environ.get("SLURM_PROCID") or os.environ.get("LOCAL_RANK") or "0"

def passing(stage, cycle):
    """Tell, and wait, once this is the stage that the test is about; or fail there."""
    if PLACE != f"{stage}/{cycle}":
        return
    Path(f"at-{RANK}").touch()
    time.sleep(float(os.environ.get("LINGER_SECONDS", "0.3")))
    if os.environ.get("FAIL_RANK") == RANK:
        raise MemoryError("no memory left on this one")

class Watch(Callback):
    def on_train_batch_end(self, trainer, module, *rest):
        passing("fit", module.key[1])
    def on_test_batch_end(self, trainer, module, *rest):
        passing("test", module.key[1])
    def on_predict_batch_end(self, trainer, module, *rest):
        passing("score", module.acquisition.cycle)

class Choosing(Coreset):
    cycle = -1
    def candidates(self, pool, generator):
        self.cycle = round((len(pool.labelled) - 6) / 6)
        return super().candidates(pool, generator)
    def select(self, rows, count, generator):
        for _ in range(20 if PLACE == f"select/{self.cycle}" else 1):
            passing("select", self.cycle)
        return super().select(rows, count, generator)

class Dropping(WideResNet):
    """Draws from torch's own generator while it trains."""
    def decode(self, features):
        return super().decode(features._replace(embedding=torch.dropout(features.embedding, 0.5, self.training)))

class Labelling(Simulated):
    calls = -1
    def label(self, indices):
        self.calls += 1
        for _ in range(20 if PLACE == f"label/{self.calls - 1}" else 1):
            passing("label", self.calls - 1)
        return super().label(indices)
'''
ROOT = Path(__file__).parents[2]


def arguments(data: Path, *more: object, steps: int = 10, chunk: int = 4, cycles: int = 2) -> list[str]:
    """A small experiment with AutoAugment, dropout, and chunks that do not divide the fit."""
    options = ["fit", "--config", "small_image_folder_random", "--acquisition", "stages.Choosing"]
    options += ["--network", "stages.Dropping", "--oracle", "stages.Labelling", "--trainer.callbacks", "stages.Watch"]
    options += ["--data.root", data, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--data.batch_size", 6]
    options += ["--data.eval_batch_size", 2, "--steps", steps, "--chunk", chunk]
    options += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", cycles, *more]
    return [str(option) for option in options]


def environment(**more: object) -> dict[str, str]:
    """One thread each, the package from here."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        **{key: str(value) for key, value in more.items()},
    }


def start(here: Path, options: Sequence[str], **more: object) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own."""
    (here / "stages.py").write_text(STAGES)
    return subprocess.Popen(
        [sys.executable, "-m", "al_lightning", *options],
        cwd=here,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(here: Path, options: Sequence[str], **more: object) -> str:
    """Run to the end and return what was printed."""
    run = start(here, options, **more)
    out, _ = run.communicate(timeout=300)
    assert run.returncode == 0, out
    return out


def family(pid: int) -> Iterator[tuple[int, str]]:
    """Yield (process id, command) of a process and what descends from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    todo = [pid]
    while todo:
        current = todo.pop()
        todo += parents.get(current, [])
        try:
            yield current, Path(f"/proc/{current}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue


def ranks(run: subprocess.Popen[str]) -> list[int]:
    """Return the process ids of a run's processes: the first, then those that it started."""
    own = [
        child
        for child, command in family(run.pid)
        if child != run.pid and " -m al_lightning" in command and parent(child) == run.pid and launched(child)
    ]
    return [run.pid, *sorted(own)]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def launched(pid: int) -> bool:
    """Whether a process was started by the run and is not a fork of it, as data workers are."""
    return b"AL_LAUNCHER_PID=" in Path(f"/proc/{pid}/environ").read_bytes()


def await_stage(here: Path, run: subprocess.Popen[str], processes: int, only_first: bool = False) -> None:
    """Wait until every process has arrived where it lingers."""
    expected = {f"at-{rank}" for rank in range(1 if only_first else processes)}
    deadline = time.monotonic() + 120
    while not expected <= {path.name for path in here.glob("at-*")}:
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def kill_all(run: subprocess.Popen[str]) -> None:
    """SIGKILL the whole process group."""
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def command(here: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "al_lightning", *map(str, arguments)]
    return subprocess.run(line, cwd=here, capture_output=True, text=True, env=environment(), timeout=300)


def pause(pid: int) -> None:
    """SIGSTOP, and wait until it has reached each thread: one that still ran would answer."""
    os.kill(pid, signal.SIGSTOP)
    while not all(
        stat.read_text().rsplit(")", 1)[1].split()[0] == "T" for stat in Path(f"/proc/{pid}/task").glob("*/stat")
    ):
        time.sleep(0.01)
