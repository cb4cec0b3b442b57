"""Signals, and processes that fail or die: the run stops within seconds, with one exit code and one cause. No torch.

All that a run needs to continue is on disk at any instant (journal, selections and checkpoints are complete or absent),
so a process may exit anywhere. A fit ends its step and saves first. Any other stage exits at once, also where the main
thread waits in a collective that will never end.

Lightning's own signal handlers are not used. Its handler of SIGTERM calls a collective, which hangs when more than one
process got the signal; it does not stop prediction; and the process exits with 0. Here all threads block the signals
and one thread waits for them, so that no handler runs at all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from al_lightning.distributed.signals import Child, await_signals, end_all, exit_code, how_ended, signal_named
from al_lightning.errors import Interrupted, UsageError, printable

GRACE = 20.0
"""Seconds that a fit has to end its step and write its checkpoint."""
PATIENCE_WITH_PEERS = 2.0
"""Seconds that a failure which looks like a consequence of another one waits for its cause."""
ANSWER = 8.0
"""Seconds that another process has to answer that it stops too; a process paused by SIGSTOP never answers."""
LEAVE = 6.0
"""Seconds that the exit itself may take."""
LAUNCHER = "AL_LAUNCHER_PID"
"""Environment variable: number of the process that started this one; this one exits with it."""
AGAIN = "run the same command to go on"


Send = Callable[[dict[str, Any]], None]


class Shutdown:
    """The end of this process and of its run; one object for each operating-system process.

    Signals are not handled until `listen` is called.

    Attributes:
        asked: the signal that asks to stop, or None.
        owns_process: whether the process is the command line's own, so that this object handles its signals.
        rank: number of this process; only process 0 prints, unless it died.
    """

    def __init__(self) -> None:
        self.asked: str | None = None
        self.owns_process = False
        self.listening = False
        self.rank = _rank()
        self.processes = 1
        self.children: dict[int, Child] = {}
        self._send: Send | None = None
        self._lock = threading.Lock()
        self._since = 0.0
        self._patient = False
        self._failures: list[tuple[bool, int, int, str]] = []
        self._leaving = False
        self._received: defaultdict[int, set[str]] = defaultdict(set)

    def listen(self, more: Sequence[str] = ()) -> None:
        """Handle the signals of this process, if it is the command line's own; called before any thread starts.

        Further signals can ask to stop, for example USR1, which SLURM can send ahead of a time limit.

        Raises:
            UsageError: there is no such signal, or it cannot be caught.
        """
        further = {signal_named(name) for name in more}
        if not self.owns_process or self.listening:
            return
        await_signals({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, *further}, self.ask)
        self.listening = True
        if LAUNCHER in os.environ:
            launcher = int(os.environ[LAUNCHER])
            threading.Thread(target=self._exit_with_launcher, args=(launcher,), daemon=True, name="al-launcher").start()

    def _exit_with_launcher(self, launcher: int) -> None:
        while os.getppid() == launcher:
            time.sleep(0.5)
        if self._send is None:  # else the end of the connection to process 0 is handled, with a message
            os._exit(1)

    def ask(self, why: str, relayed: bool = False) -> None:
        """Ask this process, and through it all others, to stop; `relayed` marks another process's request."""
        with self._lock:
            if self._leaving:  # this process ends anyway, and has said why; it ends its children by a signal
                return
            first = self.asked is None
            if first:
                self.asked, self._since = why, time.monotonic()
        if first:
            self._tell({"stop": why})
            if self._patient and self.rank == 0:
                _print(f"{why}: ending the step and saving ...")
            threading.Thread(target=self._enforce, daemon=True, name="al-deadline").start()
        elif why == "SIGINT" and not relayed and time.monotonic() - self._since > 1:
            self._stop()  # a second Ctrl-C; a signal to a process group may arrive twice at once

    def _enforce(self) -> None:
        """Exit when it is time: after a fit's step, and after process 0 answered, which saves and prints for all."""
        while self._patient or (self.rank and self._without("stop", "bye")):
            # A step that another process takes no part in does not end.
            alone = self._without("stop") or any("bye" in words for words in list(self._received.values()))
            late = time.monotonic() > self._since + (ANSWER if alone else GRACE)
            if late or (self.rank and "gone" in self._received[0]):
                break
            time.sleep(0.02)
        self._stop()

    def _without(self, *words: str) -> list[int]:
        """Return the processes that sent none of these messages; processes other than 0 know process 0 alone."""
        others = [0] if self.rank else sorted(self._received)
        return [rank for rank in others if self._send is not None and not self._received[rank].intersection(words)]

    def _stop(self) -> None:
        """Exit as asked; where process 0 does not print the reason, another process does."""
        silent = self._without("stop", "bye", "gone")
        text = f"Stopped by {self.asked}; {AGAIN}."
        if silent and self.rank:
            which = f"process 0 of {self.processes} does not answer (is it paused?)"
            text = f"Stopped by {self.asked}, but {which}: continue it with kill -CONT or kill it, then {AGAIN}."
        elif silent and time.monotonic() > self._since + ANSWER:
            which = f"process {silent[0]} of {self.processes} does not answer (is it paused?)"
            text = f"Stopped by {self.asked} without saving the fit's last steps, since {which}; {AGAIN}."
        if prints := bool(self.rank and self._without("stop")):
            self._tell({"bye": True})  # it need not wait for this process once it is continued
        self._leave(Interrupted.exit_code, text, prints)

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """Let the caller check `asked` and stop by itself inside the block; it is ended only if that takes too long."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def join(self, rank: int, processes: int) -> None:
        """Set the number of this process and of all processes; a new run begins."""
        self.rank, self.processes = rank, processes
        self._failures, self._leaving = [], False
        self._received.clear()
        self.children = {}
        if not self.owns_process:
            self.asked = None

    def adopt(self, rank: int, child: Child) -> None:
        """Watch a process that this one started until it joins: before, it has no connection that could end."""
        self.children[rank] = child
        threading.Thread(target=self._await_joining, args=(rank, child), daemon=True, name="al-child").start()

    def _await_joining(self, rank: int, child: Child) -> None:
        while "hello" not in self._received[rank] and child.poll() is None:
            time.sleep(0.1)
        if "hello" not in self._received[rank] and self.asked is None and child.poll():
            if child.poll() == Interrupted.exit_code:
                return self.ask(f"a signal to process {rank}")
            time.sleep(1)  # an error of all processes is this process's too, and is shown as such
            self._failed(True, rank, 1, f"ended {how_ended(child.poll())}")

    def connect(self, send: Send) -> None:
        """Send messages to the other processes by a function from now on."""
        self._send = send
        if self.asked is not None:
            self._tell({"stop": self.asked})

    def disconnect(self) -> None:
        """Stop sending messages; say so, so that the end of the connection is not taken for a crash."""
        self._tell({"bye": True})
        self._send = None

    def receive(self, rank: int, message: dict[str, Any] | None) -> None:
        """Handle a message of another process; None where its connection ended."""
        self._received[rank].update(["gone"] if message is None else message)
        if message is None:
            if "bye" not in self._received[rank] and self._send is not None:
                self._gone(rank)
        elif "stop" in message:  # it asks, or answers; so does this process now, unless it has
            self.ask(message["stop"], relayed=True)
        elif "failed" in message:
            self._failed(bool(message["cause"]), rank, int(message["code"]), str(message["failed"]))
        elif "end" in message:
            self._leave(int(message["end"]), None)
        elif "hello" in message and self.asked is not None:  # the request was sent before this process joined
            self._tell({"stop": self.asked})

    def _gone(self, rank: int) -> None:
        """Handle a process that ended without a message."""
        if self.asked is not None:
            return  # all processes are ending already
        if self.rank:
            first = self.rank == 1  # one process prints in place of process 0
            text = f"Process 0 of {self.processes} ended without a word, killed perhaps; {AGAIN}."
            self._leave(1, text if first else None, prints=first)
        elif (code := exit_code(self.children.get(rank))) == Interrupted.exit_code:
            self.ask(f"a signal to process {rank}")
        else:
            self._failed(True, rank, 1, f"ended {how_ended(code)}")

    def _failed(self, cause: bool, rank: int, code: int, text: str) -> None:
        """Collect failures at process 0; the first cause is shown, a consequence only where no cause comes."""
        with self._lock:
            first = not self._failures
            self._failures.append((cause, rank, code, text))
        if first:
            threading.Thread(target=self._settle, daemon=True, name="al-failure").start()

    def _settle(self) -> None:
        deadline = time.monotonic() + PATIENCE_WITH_PEERS
        while not any(cause for cause, *_ in self._failures) and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.asked is not None:
            self._stop()
        time.sleep(0.3)  # an error of all processes is shown as process 0's
        _, rank, code, text = min(self._failures, key=lambda failure: (not failure[0], failure[1]))
        self._tell({"end": code})
        # A failure of another process names that process.
        whole = text if rank == 0 else f"Process {rank} of {self.processes}: {text[:1].lower()}{text[1:]}"
        self._leave(code, whole)

    def end(self, code: int, text: str, cause: bool = True) -> int:
        """End this process's part of a run that failed or was stopped; one process prints the reason.

        Args:
            code: exit code, which is returned where there are no other processes to wait for.
            text: the reason, a sentence.
            cause: whether this is likely the cause, and not a consequence of another process's end.
        """
        if self.asked is not None:
            self._enforce()
        if self._send is None and not self.children:
            if self.rank == 0 or code != UsageError.exit_code:  # a usage error is the same in all processes
                _print(text)
            return code
        if self.rank == 0:
            self._failed(cause, 0, code, text)
        else:
            self._tell({"failed": text, "code": code, "cause": cause})
        time.sleep(PATIENCE_WITH_PEERS + 3)  # process 0 says when and with which code to exit
        answered = self.rank == 0 or "end" in self._received[0]
        silent = f"{text.rstrip('.')}; process 0 of {self.processes} does not answer."
        self._leave(code, None if answered else silent, prints=True)
        return code

    def _tell(self, message: dict[str, Any]) -> None:
        if self._send is not None:
            self._send(message)

    def _leave(self, code: int, text: str | None, prints: bool = False) -> None:
        """Exit now, from any thread; a process that is not the command line's own gets the collective's own error."""
        with self._lock:
            again, self._leaving = self._leaving, True
        while again and self.owns_process:  # another thread ends the process
            time.sleep(1)
        if self.owns_process:
            last = threading.Timer(LEAVE, os._exit, (code,))  # for output that nobody reads
            last.daemon = True
            last.start()
        try:
            if text is not None and (self.rank == 0 or prints):
                _print(text)
            if children := list(self.children.values()):
                self._tell({"end": code})
                end_all(children, LEAVE / 2)
            with contextlib.suppress(Exception):
                sys.stdout.flush()
        finally:
            if self.owns_process:
                os._exit(code)


def _rank() -> int:
    """Return 0 for process 0, by the environment, before torch is imported; else another number."""
    keys = ["RANK", "NODE_RANK", "LOCAL_RANK"] + (["SLURM_PROCID"] if "SLURM_STEP_ID" in os.environ else [])
    return max(int(os.environ.get(key) or 0) for key in keys)


def _print(text: str) -> None:
    with contextlib.suppress(Exception):
        # A live line may be on the screen, and the cursor hidden.
        start = "\r\x1b[2K\x1b[?25h" if sys.stderr.isatty() else ""
        print(f"{start}al-lightning: {printable(text)}", file=sys.stderr, flush=True)


shutdown = Shutdown()
"""The one object of this process."""
