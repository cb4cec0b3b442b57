"""One task of a job on a cluster, as submitit unpickles and calls it there.

One task of srun is one process of a run: `fit` finds the numbers of processes and machines in SLURM's variables. The
task starts `fit` as a child and waits. SLURM warns all of a job ahead of the time limit (`--signal`); `fit` then ends
its step, saves, and ends with 75, and only then is submitit told, which puts the job back into the queue. A job that
SLURM itself stops (preemption, scancel: SIGTERM) is not put back by us: `--requeue` lets SLURM do so after preemption,
and a job that a person cancelled stays so.
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
    """What one task of a job does: run the command and return its exit code. Pickled, so plain data alone.

    Args:
        command: of the run.
        log: where process 0 of the run prints.
        progress: where it tells how far it is.
        warning: name of the signal that comes ahead of the time limit.
    """

    def __init__(self, command: list[str], log: str, progress: str, warning: str) -> None:
        self.command, self.log, self.progress, self.warning = command, log, progress, warning

    def __call__(self) -> int:
        """Run the command, hand signals on to it, and have the job queued again if it was stopped ahead of time."""
        asked: list[int] = []
        child: subprocess.Popen[bytes] | None = None

        def hand_on(number: int, frame: object) -> None:
            asked.append(number)
            if child is not None:
                child.send_signal(number)

        warning = getattr(signal, f"SIG{self.warning}")
        # Until the child waits for them itself; it inherits the mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {warning, signal.SIGTERM})
        old = {number: signal.signal(number, hand_on) for number in (warning, signal.SIGTERM)}
        environment = {**os.environ, LAUNCHER: str(os.getpid()), PROGRESS: self.progress}
        if first := os.environ.get("SLURM_PROCID", "0") == "0":
            Path(self.log).parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") if first else contextlib.nullcontext() as log:  # others are silent
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
                # its end takes along what is stuck (srun --kill-on-bad-exit).
                atexit.register(os._exit, code if code > 0 else 1)
            return code
        if asked and warning not in asked:
            sys.exit(code)  # no result: SLURM may start this job again
        if in_a_job:
            try:
                # Process 0 asks `checkpoint`, queues the job again and exits; others return.
                signal.raise_signal(warning)
            except Exception as error:  # too many stays, or scontrol failed: the run is interrupted, not failed
                print(f"not put into the queue again: {error}", file=sys.stderr)
        return code

    def checkpoint(self) -> Any:
        """Return what the job does when it starts again: the same. Called by submitit."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)
