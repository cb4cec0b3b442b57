"""Runs on this machine: some at a time, on its GPUs or cores; each run has its own process tree."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from al_lightning.distributed.shutdown import AGAIN, GRACE, LAUNCHER, LEAVE, shutdown
from al_lightning.errors import ALError, Interrupted, UsageError
from al_lightning.launcher.job import Complete, Job, Outcome, distinct, outcome_of, take
from al_lightning.launcher.machine import VISIBLE, cores, visible_gpus
from al_lightning.launcher.screen import Screen
from al_lightning.progress import PROGRESS
from al_lightning.runs.lock import Lock

__all__ = ["LocalLauncher"]

THREADS = "OMP_NUM_THREADS"
RETRY_SECONDS = 2.0
"""Seconds between two attempts to lock a directory that another process has."""


class Tree(subprocess.Popen[bytes]):
    """A run: a process and its children, in a session of their own, so that Ctrl-C reaches the launcher alone."""

    _asked = False

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: BinaryIO) -> None:
        super().__init__(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def terminate(self) -> None:
        """Ask the run to end its step, save and stop; asked again, it is killed."""
        if self._asked:
            self.kill()
        elif self.poll() is None:
            self._asked = True
            super().terminate()

    def kill(self) -> None:
        """Kill all processes of the run, which can always continue from the files on disk."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


@dataclass
class _Running:
    job: Job
    tree: Tree
    held: Lock
    slot: int
    begun: float


class LocalLauncher:
    """Runs jobs on this machine, some at a time.

    Args:
        slots: number of runs at once; by default `slots_per_gpu` for each visible GPU, or one for each core. Runs are
            spread evenly over the GPUs.
        slots_per_gpu: number of runs that share a GPU; small networks can.
        gpus_per_run: number of GPUs of each run; with more than one, `--trainer.devices` is set to it.
        fail_fast: the first run that is not done stops the others, whose state is then "interrupted".
        environment: further environment variables of the runs.
        stream: the output of progress; standard error by default.

    Raises:
        UsageError: a number is below 1, or there are fewer GPUs than a run needs.
    """

    def __init__(
        self,
        slots: int | None = None,
        slots_per_gpu: int = 1,
        *,
        gpus_per_run: int = 1,
        fail_fast: bool = False,
        environment: Mapping[str, str] | None = None,
        stream: TextIO | None = None,
    ) -> None:
        for name, value in (("slots", slots), ("slots_per_gpu", slots_per_gpu), ("gpus_per_run", gpus_per_run)):
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}; it must be at least 1.")
        gpus = visible_gpus()
        if gpus_per_run > max(1, len(gpus)):
            raise UsageError(f"gpus_per_run is {gpus_per_run}, but this machine shows {len(gpus)} GPUs.")
        ends = range(gpus_per_run, len(gpus) + 1, gpus_per_run)
        self.gpus = [",".join(gpus[end - gpus_per_run : end]) for end in ends]
        self.gpus_per_run = gpus_per_run
        self.slots = slots or (slots_per_gpu * len(self.gpus) if self.gpus else cores())
        self.fail_fast = fail_fast
        self.environment = dict(environment or {})
        self.stream = stream
        self._running: list[_Running] = []
        self._tried_elsewhere = 0.0

    def run(self, jobs: Sequence[Job], complete: Complete = lambda job: False) -> list[Outcome]:
        """Run or continue all jobs; a job that fails is reported and the others continue.

        A job that another process has is tried again once all others have started. SIGINT or SIGTERM asks the runs to
        stop and waits for them; a second Ctrl-C does not wait. No process of a run stays behind.

        Args:
            jobs: equal ones are run once.
            complete: whether a run is complete, so that it is not started; by default every run is started, and a
                complete run ends by itself within seconds.

        Returns:
            an outcome for each job, in order.

        Raises:
            Interrupted: this process was asked to stop; the same call continues.
            UsageError: two different jobs share a directory.
        """
        todo = distinct(jobs)
        waiting, elsewhere = deque(todo), deque[Job]()
        with shutdown.patience(), Screen(todo, self.slots, self.stream) as screen:
            try:
                while waiting or elsewhere or self._running:
                    if shutdown.asked is not None:
                        raise KeyboardInterrupt
                    self._begin(waiting, elsewhere, screen, complete)
                    self._reap(elsewhere, screen)
                    if self.fail_fast and any(outcome.state != "done" for outcome in screen.outcomes.values()):
                        self._stop(elsewhere, screen)
                        break
                    screen.tick()
                    time.sleep(0.05)
            except KeyboardInterrupt:
                self._stop(elsewhere, screen)
                raise Interrupted(f"Interrupted; {AGAIN}.") from None
            finally:
                for running in list(self._running):
                    running.tree.kill()
                    running.tree.wait()
                    self._forget(running)
        outcomes = {job: Outcome(job, "interrupted") for job in todo} | screen.outcomes
        by_folder = {job.directory.resolve(): outcome for job, outcome in outcomes.items()}
        return [by_folder[job.directory.resolve()] for job in jobs]

    def _begin(self, waiting: deque[Job], elsewhere: deque[Job], screen: Screen, complete: Complete) -> None:
        """Start runs in the free slots."""
        while waiting and len(self._running) < self.slots:
            job = waiting.popleft()
            if not self._started(job, screen, complete):
                elsewhere.append(job)
                screen.elsewhere(job)
        if waiting or time.monotonic() - self._tried_elsewhere < RETRY_SECONDS:
            return
        self._tried_elsewhere = time.monotonic()
        for _ in range(len(elsewhere)):
            if len(self._running) >= self.slots:
                return
            job = elsewhere.popleft()
            if not self._started(job, screen, complete):
                elsewhere.append(job)

    def _started(self, job: Job, screen: Screen, complete: Complete) -> bool:
        """Start a run, unless it is complete or fails at once; return False where another process has it."""
        done = Outcome(job, "done")
        try:
            if complete(job):  # nothing is written into its directory, not even a lock
                screen.end(done)
                return True
            if (held := take(job)) is None:
                return False
            if complete(job):  # another launcher finished it just now
                held.release()
                screen.end(done)
            else:
                self._start(job, held, screen)
        except (ALError, OSError) as error:
            screen.end(Outcome(job, "failed", log_end=str(error)))
        return True

    def _start(self, job: Job, held: Lock, screen: Screen) -> None:
        taken = {running.slot for running in self._running}
        slot = next(number for number in range(self.slots) if number not in taken)
        several = ["--trainer.devices", str(self.gpus_per_run)] if self.gpus_per_run > 1 else []
        try:
            job.progress.unlink(missing_ok=True)
            with job.log.open("wb") as log:
                tree = Tree([*job.command, *several], self._environment(job, slot), log)
        except OSError:
            held.release()
            raise
        self._running.append(_Running(job, tree, held, slot, time.monotonic()))
        shutdown.children[tree.pid] = tree
        screen.begin(job, f"GPU {slot % len(self.gpus)}" if len(self.gpus) > 1 else "")

    def _environment(self, job: Job, slot: int) -> dict[str, str]:
        more = {THREADS: os.environ.get(THREADS) or str(max(1, cores() // self.slots))}
        if self.gpus:
            more[VISIBLE] = self.gpus[slot % len(self.gpus)]
        own = {LAUNCHER: str(os.getpid()), PROGRESS: str(job.progress.absolute())}
        return {**os.environ, **more, **self.environment, **own}

    def _reap(self, elsewhere: deque[Job], screen: Screen) -> None:
        """Record the outcomes of runs that ended."""
        for running in list(self._running):
            if (code := running.tree.poll()) is None:
                continue
            outcome = outcome_of(running.job, code, time.monotonic() - running.begun)
            self._forget(running)
            if outcome.state == "elsewhere":  # another process took it between the lock's test and the run's start
                elsewhere.append(running.job)
                screen.elsewhere(running.job)
            else:
                screen.end(outcome)

    def _forget(self, running: _Running) -> None:
        running.tree.kill()  # processes that it may have left behind
        shutdown.children.pop(running.tree.pid, None)
        self._running.remove(running)
        with contextlib.suppress(OSError):
            running.job.progress.unlink(missing_ok=True)
        running.held.release()

    def _stop(self, elsewhere: deque[Job], screen: Screen) -> None:
        """Ask all runs to end their step, save and stop, and wait for them."""
        for running in self._running:
            running.tree.terminate()
        deadline = time.monotonic() + GRACE + LEAVE
        while self._running and time.monotonic() < deadline:
            self._reap(elsewhere, screen)
            screen.tick()
            time.sleep(0.05)
