"""Runs on a cluster: a job array of SLURM through submitit (extra `slurm`), which re-queues stopped runs."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import ALError, Interrupted, UsageError
from al_lightning.launcher.job import Complete, Job, Outcome, distinct, outcome_of, progress_of, tail, take
from al_lightning.launcher.screen import Screen
from al_lightning.launcher.task import Task
from al_lightning.runs.lock import Lock

__all__ = ["SlurmLauncher"]

SUBMITTED = ".slurm.json"
"""File in the run directory that names the run's job in the queue, so that a second call waits for it."""
QUERY_SECONDS = 2.0
"""Seconds between two queries of the jobs."""
TIME_LIMIT = 240
"""Default time limit of one job, in minutes."""
ENDED_BY_SLURM = ("CANCELLED", "PREEMPTED", "TIMEOUT", "NODE_FAIL", "REVOKED")


def minutes(time_limit: int | str) -> int:
    """Return a time limit in minutes: a number of them, or `HH:MM:SS` or `D-HH:MM:SS` as SLURM writes it.

    Raises:
        UsageError: the limit has another form, or is not positive.
    """
    match = re.fullmatch(r"(\d+)|(?:(\d+)-)?(\d+):(\d\d):(\d\d)", str(time_limit))
    if match is None:
        raise UsageError(f"The time limit {time_limit!r} is neither minutes nor HH:MM:SS nor D-HH:MM:SS.")
    alone, days, hours, rest, seconds = (int(part or 0) for part in match.groups())
    total = alone + 24 * 60 * days + 60 * hours + rest + (seconds > 0)
    if total < 1:
        raise UsageError(f"The time limit {time_limit!r} is less than a minute.")
    return total


class SlurmLauncher:
    """Runs jobs on a cluster: a job array with one element a run; a stopped run is queued again until it is done.

    Args:
        partition: SLURM's partition, or None for the cluster's default.
        time: time limit of one job, in minutes or as HH:MM:SS or D-HH:MM:SS; a run may take several jobs, one after
            another. By default four hours.
        gpus: GPUs of a run on each node, one process each; 0 for a CPU.
        nodes: number of machines of a run.
        cpus_per_task: cores of each process.
        mem_gb: memory of each node in GB.
        at_once: number of runs at once.
        signal_delay: seconds that the warning comes ahead of the time limit.
        setup: shell lines before the run, for example `module load cuda`.
        more: further options of sbatch, for example `{"account": "vision", "qos": "low"}`.
        folder: folder for submitit's files (batch script, standard output and error), on the shared file system.
        stays: how often a run may be queued again after a time limit.
        cluster: submitit's executor: "slurm", or "local" or "debug" to try it out on one machine.
        stream: the output of progress; standard error by default.

    Raises:
        UsageError: submitit is missing, there is no srun here, or a number makes no sense.
    """

    def __init__(
        self,
        *,
        partition: str | None = None,
        time: int | str | None = None,
        gpus: int = 1,
        nodes: int = 1,
        cpus_per_task: int = 4,
        mem_gb: float | None = None,
        at_once: int = 64,
        signal_delay: int = 120,
        setup: Sequence[str] = (),
        more: Mapping[str, Any] | None = None,
        folder: Path = Path("runs/slurm"),
        stays: int = 100,
        cluster: str = "slurm",
        stream: TextIO | None = None,
    ) -> None:
        if gpus < 0 or nodes < 1 or at_once < 1 or cpus_per_task < 1:
            raise UsageError("On the cluster gpus must be at least 0, and nodes, at_once, cpus_per_task at least 1.")
        if signal_delay < 60:
            raise UsageError(f"signal_delay is {signal_delay}; a run needs 60 s or more to end its step and save.")
        self.at_once, self.stream = at_once, stream
        self.folder = folder.absolute()
        try:
            from submitit import AutoExecutor, JobEnvironment
        except ImportError as error:
            raise UsageError("SLURM needs submitit: pip install 'al-lightning[slurm]'.") from error
        self._warning = JobEnvironment.USR_SIG
        try:
            self._executor = AutoExecutor(self.folder, cluster=cluster, slurm_max_num_timeout=stays)
        except RuntimeError as error:
            raise UsageError("There is no srun here; submit from a login node of the cluster.") from error
        self._executor.update_parameters(
            name="al-lightning",
            timeout_min=minutes(TIME_LIMIT if time is None else time),
            nodes=nodes,
            tasks_per_node=max(1, gpus),
            gpus_per_node=gpus or None,
            cpus_per_task=cpus_per_task,
            mem_gb=mem_gb,
            slurm_partition=partition,
            slurm_signal_delay_s=signal_delay,
            slurm_array_parallelism=at_once,
            slurm_srun_args=["--kill-on-bad-exit=1"],
            slurm_setup=list(setup) or None,
            slurm_additional_parameters={"requeue": True, **(more or {})},
        )

    def run(self, jobs: Sequence[Job], complete: Complete = lambda job: False) -> list[Outcome]:
        """Submit all jobs as an array and wait for them, and for jobs in the queue that an earlier call submitted.

        Runs that another launcher has are tried again at the end. SIGINT and SIGTERM end the waiting alone: the queue
        continues, and the same call waits again.

        Equal jobs are run once, and complete ones are not submitted. Each job has an outcome, in order.

        Raises:
            Interrupted: this process was asked to stop.
            UsageError: two different jobs share a directory.
        """
        todo = distinct(jobs)
        left = list(todo)
        with shutdown.patience(), Screen(todo, self.at_once, self.stream) as screen:
            try:
                while left:
                    held = {job: handle for job in left if (handle := self._take(job, screen)) is not None}
                    try:
                        self._await(self._submit(list(held), screen, complete), screen)
                    finally:
                        for handle in held.values():
                            handle.release()
                    left = [job for job in left if job not in screen.outcomes]
                    if left:
                        self._pause()
            except KeyboardInterrupt:
                screen.say("The queue continues; the same command waits for it again, `scancel` ends it.")
                raise Interrupted("Interrupted; the queue continues, and the same command waits for it.") from None
        by_folder = {job.directory.resolve(): outcome for job, outcome in screen.outcomes.items()}
        return [by_folder[job.directory.resolve()] for job in jobs]

    def _take(self, job: Job, screen: Screen) -> Lock | None:
        try:
            if (handle := take(job, also_by_hand=False)) is None:  # the run itself may be at work in the queue
                screen.elsewhere(job)
        except ALError as error:
            handle = None
            screen.end(Outcome(job, "failed", log_end=str(error)))
        return handle

    def _submit(self, jobs: Sequence[Job], screen: Screen, complete: Complete) -> dict[Job, Any]:
        """Return submitit's jobs: those of an earlier call in the queue, and a new array of the others."""
        queued: dict[Job, Any] = {}
        fresh = []
        for job in jobs:
            if complete(job):
                screen.end(Outcome(job, "done"))
            elif (earlier := self._in_queue(job)) is not None:
                queued[job] = earlier
            else:
                fresh.append(job)
        if fresh:
            tasks = [
                Task(job.command, str(job.log.absolute()), str(job.progress.absolute()), self._warning) for job in fresh
            ]
            for job in fresh:
                job.progress.unlink(missing_ok=True)
            try:
                with self._executor.batch():
                    submitted = [self._executor.submit(task) for task in tasks]
            except Exception as error:  # submitit's own classes; the message is that of sbatch
                raise ALError(
                    f"The cluster does not take the jobs: {str(error).strip() or type(error).__name__}"
                ) from error
            for job, sent in zip(fresh, submitted, strict=True):
                queued[job] = sent
                place = {"job": sent.job_id, "folder": str(self.folder), "tasks": sent.num_tasks}
                (job.directory / SUBMITTED).write_text(json.dumps(place))
        return queued

    def _in_queue(self, job: Job) -> Any | None:
        """Return a job of an earlier call that is still in the queue or at work; else None."""
        if self._executor.cluster != "slurm":
            return None
        from submitit import SlurmJob

        try:
            place = json.loads((job.directory / SUBMITTED).read_text())
            earlier: Any = SlurmJob(place["folder"], place["job"], tasks=list(range(place["tasks"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # A job that the accounting does not know may have ended; a run that is submitted twice locks its directory.
        known = earlier.get_info(mode="force")
        return earlier if known and not earlier.task(0).done() else None

    def _await(self, queued: dict[Job, Any], screen: Screen) -> None:
        begun: dict[Job, float] = {}
        while queued:
            for job, sent in list(queued.items()):
                if job not in begun and progress_of(job):
                    begun[job] = time.monotonic()
                    screen.begin(job, f"job {sent.job_id}")
                if sent.task(0).done():
                    del queued[job]
                    now = time.monotonic()
                    screen.end(self._outcome(job, sent, now - begun.get(job, now)))
                    for name in (job.directory / SUBMITTED, job.progress):
                        with contextlib.suppress(OSError):
                            name.unlink(missing_ok=True)
            screen.tick()
            if queued:
                self._pause()

    def _outcome(self, job: Job, sent: Any, seconds: float) -> Outcome:
        first = sent.task(0)  # the run's process 0 ends last, with the run's exit code
        state = str(first.state).upper()
        ending = tail(job.log) or tail(first.paths.stderr)
        if state.startswith(ENDED_BY_SLURM) and not first.paths.result_pickle.exists():
            return Outcome(job, "interrupted", None, seconds, f"{ending}\nSLURM: {state}".lstrip())
        try:
            return outcome_of(job, int(first.result()), seconds)
        except Exception:  # submitit raises many classes, with a traceback as message
            return Outcome(job, "failed", None, seconds, f"{ending}\nSLURM: {state}, see {first.paths.stderr}".lstrip())

    def _pause(self) -> None:
        until = time.monotonic() + QUERY_SECONDS
        while time.monotonic() < until:
            if shutdown.asked is not None:
                raise KeyboardInterrupt
            time.sleep(0.1)
