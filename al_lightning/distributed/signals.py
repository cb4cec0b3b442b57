"""Signals: by name, waiting for them, and the child processes that end by them. No torch."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from al_lightning.errors import UsageError, nearest

Child = subprocess.Popen[bytes]


def signal_named(name: str) -> signal.Signals:
    """Return the signal of a name, with or without SIG.

    Raises:
        UsageError: there is none, or it cannot be waited for.
    """
    known = {number.name.removeprefix("SIG"): number for number in signal.valid_signals() if hasattr(number, "name")}
    number = known.get(name.upper().removeprefix("SIG"))
    if number in (signal.SIGKILL, signal.SIGSTOP):
        raise UsageError(f"--stop_on {name}: no process can catch this signal; name another, such as USR1.")
    if number is None:
        raise UsageError(f"--stop_on {name}: there is no such signal to wait for.{nearest(name.upper(), known)}")
    return signal.Signals(number)


def await_signals(numbers: Iterable[signal.Signals], ask: Callable[[str], None]) -> None:
    """Block signals in this thread and its later ones; a thread waits for them and calls `ask` with their names."""
    # SIGHUP stays ignored where nohup asked for that. Of SIGINT a script's `&` asks the same, but it is Ctrl-C's.
    wanted = {one for one in numbers if one == signal.SIGINT or signal.getsignal(one) is not signal.SIG_IGN}
    if signal.SIGINT in wanted:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # an ignored signal might not become pending
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)

    def wait() -> None:
        while True:
            ask(signal.Signals(signal.sigwait(wanted)).name)

    threading.Thread(target=wait, daemon=True, name="al-signals").start()


def end_all(children: Sequence[Child], seconds: float) -> None:
    """Ask child processes to end; kill those that have not ended after some seconds."""
    deadline = time.monotonic() + seconds
    for child in children:
        with contextlib.suppress(Exception):
            child.terminate()
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except Exception:
            child.kill()


def exit_code(child: Child | None) -> int | None:
    """Return the exit code of a process that just ended; None where this process did not start it, or it still runs."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(timeout=2) if child is not None else None
    return None


def how_ended(code: int | None) -> str:
    """Return how a process ended, for "Process 1 ended ...", by its exit code, which is negative for a signal."""
    if code is None:
        return "without a word, killed perhaps (out of memory?)"
    if code >= 0:
        return f"with code {code}"
    return f"by {signal.Signals(-code).name}" + (" (out of memory?)" if code == -signal.SIGKILL else "")
