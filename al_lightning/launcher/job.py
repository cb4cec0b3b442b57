"""A run for a launcher, its outcome, and its lock."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from al_lightning.distributed.signals import how_ended
from al_lightning.errors import ALError, DirectoryInUse, Interrupted, LabelsAwaited, UsageError
from al_lightning.progress import Span
from al_lightning.runs.journal import read_run
from al_lightning.runs.lock import LOCK as STORE_LOCK
from al_lightning.runs.lock import Lock

LOCK = ".launcher.lock"
TAIL = 5
"""Number of a log's last lines that are shown."""

State = Literal["done", "failed", "interrupted", "labels", "elsewhere"]
STATES: dict[int, State] = {
    0: "done",
    DirectoryInUse.exit_code: "elsewhere",
    Interrupted.exit_code: "interrupted",
    -signal.SIGTERM: "interrupted",  # before it could handle the signal
    LabelsAwaited.exit_code: "labels",
}
"""State of a run by its exit code; "failed" for all other codes."""


@dataclass(frozen=True)
class Cost:
    """The work of a run.

    Attributes:
        kind: runs of one kind have network, training method and dataset in common: equal work takes equal time.
        least: work of all fits, tests and scorings, in a unit that kinds share; above 0.
        most: the same, where a training method or a strategy does not know its work exactly.
    """

    kind: str
    least: float
    most: float

    @property
    def middle(self) -> float:
        """Half way between `least` and `most`."""
        return (self.least + self.most) / 2


@dataclass(frozen=True)
class Job:
    """One run: `al-lightning fit --config NAME --seed SEED --run_dir DIRECTORY OPTIONS...`.

    Its `cost`, where it is known, serves the estimate of the time left alone.
    """

    name: str
    seed: int
    directory: Path
    options: tuple[str, ...] = ()
    cost: Cost | None = field(default=None, compare=False)

    @property
    def command(self) -> list[str]:
        """The command, for this Python."""
        command = [sys.executable, "-m", "al_lightning", "fit", "--config", self.name, "--seed", str(self.seed)]
        return [*command, "--run_dir", str(self.directory), *self.options]

    @property
    def log(self) -> Path:
        """File of the run's output."""
        return self.directory / "log.txt"

    @property
    def progress(self) -> Path:
        """File of the run's progress, which exists only while the run is at work."""
        return self.directory / ".progress.json"

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        state: "done"; "failed"; "interrupted" (75: the same command continues); "labels" (76: chosen images wait for
            labels); "elsewhere" (another launcher or command is at work on the run).
        exit_code: exit code of the run, negative where a signal ended it; None where it was not started or seen.
        seconds: duration of the run.
        log_end: the last lines of the log.
    """

    job: Job
    state: State
    exit_code: int | None = None
    seconds: float = 0.0
    log_end: str = ""

    @property
    def last_line(self) -> str:
        """The last line of the log, without the name of the command."""
        return self.log_end.rpartition("\n")[2].removeprefix("al-lightning: ")


Complete = Callable[[Job], bool]
"""Returns whether a run is complete."""


def outcome_of(job: Job, code: int, seconds: float) -> Outcome:
    """Return the outcome of a process by its exit code, which is negative for a signal, and by its log."""
    log_end = tail(job.log)
    if code < 0:
        log_end = f"{log_end}\nended {how_ended(code)}".lstrip()
    return Outcome(job, STATES.get(code, "failed"), code, seconds, log_end)


def distinct(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs, equal ones once.

    Raises:
        UsageError: two different jobs share a directory.
    """
    owners: dict[Path, Job] = {}
    for job in jobs:
        other = owners.setdefault(job.directory.resolve(), job)
        if (other.name, other.seed, other.options) != (job.name, job.seed, job.options):
            raise UsageError(f"{job} and {other} would share the directory {job.directory}; give each its own.")
    return list(owners.values())


def tail(path: Path) -> str:
    """Return the last `TAIL` lines of a file that are not empty; "" where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][-TAIL:])


def progress_of(job: Job) -> dict[str, Any]:
    """Return the progress that a run wrote last (`progress.Reporter.write`); an empty mapping where there is none."""
    try:
        progress = json.loads(job.progress.read_text())
    except (OSError, ValueError):
        return {}
    return progress if isinstance(progress, dict) else {}


def left_of(progress: Mapping[str, Any]) -> Span | None:
    """Return the least and the most seconds left, of what a run wrote; None where it does not know them yet."""
    match progress.get("seconds_left"):
        case [int() | float() as low, int() | float() as high]:
            return low, high
    return None


def metric_of(job: Job) -> str:
    """Return the last cycle's first metric as text; "" where there is none."""
    try:
        run = read_run(job.directory)
        name, value = next(iter(run.cycles[-1].metrics.items()))
        return f"{name} {run.record.metric(name).text(value)}"
    except (ALError, IndexError, StopIteration, TypeError):
        return ""


def take(job: Job, also_by_hand: bool = True) -> Lock | None:
    """Lock a job's directory for this launcher; None where another launcher or a run started by hand has it.

    Without `also_by_hand`, a run that no launcher started is no hindrance.

    Raises:
        ALError: the directory cannot be written to, or its file system cannot lock.
    """
    lock, of_run = Lock(job.directory / LOCK), Lock(job.directory / STORE_LOCK)
    if not lock.take():
        return None
    if also_by_hand and of_run.path.exists():
        if not of_run.take():
            lock.release()
            return None
        of_run.release()
    return lock
