"""Errors of data workers as one sentence, and the end of stopped workers."""

from __future__ import annotations

import os
import re
import signal
from multiprocessing import active_children

# torch raises a bare RuntimeError for all of this, so that its words alone tell a lost worker from other errors.
LOST = re.compile(r"DataLoader worker .*(?:is killed by signal|exited unexpectedly)")
AGAIN = "finished work is kept, and the same command goes on"


def was_ended(error: BaseException) -> bool:
    """Return whether an error of torch's loader says that a data worker ended unexpectedly."""
    return LOST.search(str(error)) is not None


def of_workers(error: BaseException, timeout: float) -> str:
    """Return a message where a data worker was killed, or gave no batch within `timeout` seconds; else ""."""
    if was_ended(error):
        signalled = re.search(r"killed by signal: ([\w ]+)", f"{error} {error.__cause__ or ''}")
        how = f" ({signalled[1]})" if signalled else ""
        memory = "shared memory (/dev/shm)" if "Bus error" in how else "memory"
        return (
            f"A process that loads data was killed{how}, most likely for lack of {memory}: use fewer processes by "
            f"--data.workers, or smaller images; {AGAIN}."
        )
    if _timed_out(error):
        return (
            f"No batch came for {timeout:g} seconds: the processes that load data, or their disk, hang; "
            f"--data.timeout SECONDS waits longer; {AGAIN}."
        )
    return ""


def wake_stopped(error: BaseException) -> None:
    """After a timeout, let stopped workers continue: Lightning waits ten seconds for each of them to end."""
    if _timed_out(error):
        for child in active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGCONT)


def _timed_out(error: BaseException) -> bool:
    return str(error).startswith("DataLoader timed out")
