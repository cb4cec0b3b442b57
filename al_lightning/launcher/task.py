"""One task of a job on a cluster, as submitit unpickles and calls it there.

One task of srun is one process of a run: `fit` finds the numbers of processes and machines in SLURM's variables. The
task starts `fit` as a child and waits. SLURM sends a signal to all tasks ahead of the time limit (`--signal`). `fit`
then ends its step, saves, and exits with 75; after that the task tells submitit, which queues the job again. A job that
SLURM stops itself (preemption, scancel: SIGTERM) is not queued again here: `--requeue` lets SLURM do so after
preemption, and a cancelled job stays cancelled.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from al_lightning.distributed.shutdown import LAUNCHER
from al_lightning.errors import Interrupted
from al_lightning.progress import PROGRESS


class Task:
    """One task of a job: it runs the command and returns the exit code. It is pickled, so it holds plain data alone.

    Args:
        command: command line of the run.
        log: file of process 0's output.
        progress: file of the run's progress.
        warning: name of the signal that comes ahead of the time limit.
    """

    def __init__(self, command: list[str], log: str, progress: str, warning: str) -> None:
        self.command, self.log, self.progress, self.warning = command, log, progress, warning

    def __call__(self) -> int:
        """Run the command, pass signals on to it, and have the job queued again if it was stopped at the time limit."""
        asked: list[int] = []
        child: subprocess.Popen[bytes] | None = None

        def hand_on(number: int, frame: object) -> None:
            asked.append(number)
            if child is not None:
                child.send_signal(number)

        warning = getattr(signal, f"SIG{self.warning}")
        # Blocked until the child handles them itself; the child inherits the mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {warning, signal.SIGTERM})
        old = {number: signal.signal(number, hand_on) for number in (warning, signal.SIGTERM)}
        environment = {**os.environ, LAUNCHER: str(os.getpid()), PROGRESS: self.progress}
        if first := os.environ.get("SLURM_PROCID", "0") == "0":
            Path(self.log).parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") if first else contextlib.nullcontext() as log:  # other processes print nothing
            child = subprocess.Popen(
                [*self.command, "--stop_on", self.warning],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = child.wait()
        for number, handler in old.items():
            signal.signal(number, handler)
        in_a_job = callable(old[warning])  # submitit's handler
        if code != Interrupted.exit_code:
            if code and first and in_a_job:
                # The exit code of the job, once submitit has written the result. Process 0 knows why the run failed;
                # its exit ends tasks that hang (srun --kill-on-bad-exit).
                atexit.register(os._exit, code if code > 0 else 1)
            return code
        if asked and warning not in asked:
            sys.exit(code)  # no result: SLURM may start this job again
        if in_a_job:
            try:
                # Process 0 asks `checkpoint`, queues the job again and exits; others return.
                signal.raise_signal(warning)
            except Exception as error:  # queued too often, or scontrol failed: the run is interrupted, not failed
                print(f"not put into the queue again: {error}", file=sys.stderr)
        return code

    def checkpoint(self) -> Any:
        """Return the job to queue again, the same one. Called by submitit."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)
