"""A line between the processes of a run, beside the collectives: who was told to stop, who failed, who is gone.

Process 0 holds the hub, every other one a spoke. A process that is killed says nothing, but its line ends, which the
hub sees at once; a collective would wait for it for half an hour. No torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener, wait
from typing import Any

Message = dict[str, Any]
Heard = Callable[[int, "Message | None"], None]
"""Called with a process's number and what it said; None when its line ended."""


class _Line:
    """One connection; sending is safe from any thread."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with contextlib.suppress(OSError), self._lock:  # who is gone is reported by the reading side
            self.connection.send_bytes(json.dumps(message).encode())

    def receive(self) -> Message | None:
        try:
            message: Message = json.loads(self.connection.recv_bytes())
        except (EOFError, OSError, TypeError, ValueError):  # ended by the other side, or closed by ours meanwhile
            return None
        return message


class Hub:
    """Process 0's end of all lines.

    Args:
        others: number of other processes.
        key: shared secret; who does not know it is not let in.
        heard: told of everything, in a thread of the hub's.
        everywhere: whether to listen on all interfaces (several machines) or on this machine only.
    """

    def __init__(self, others: int, key: bytes, heard: Heard, everywhere: bool = False) -> None:
        self._listener = Listener(("" if everywhere else "127.0.0.1", 0), authkey=key)
        self.port: int = self._listener.address[1]
        self._heard = heard
        self._lines: dict[int, _Line] = {}
        _close_in_forks(self)
        threading.Thread(target=self._serve, args=(others,), daemon=True, name="al-hub").start()

    def _serve(self, others: int) -> None:
        while len(self._lines) < others:
            try:
                line = _Line(self._listener.accept())
            except OSError:
                return  # closed
            except Exception:  # a stranger, who did not know the key
                continue
            if (hello := line.receive()) is not None:
                self._lines[int(hello["hello"])] = line
                self._heard(int(hello["hello"]), hello)
        self._listener.close()
        open_lines = dict(self._lines)
        while open_lines:
            try:
                ready = wait([line.connection for line in open_lines.values()])
            except (OSError, ValueError):
                return  # closed
            for rank, line in list(open_lines.items()):
                if line.connection in ready:
                    message = line.receive()
                    if message is None:
                        del open_lines[rank]
                    self._heard(rank, message)

    def send(self, message: Message) -> None:
        """Tell everyone."""
        for line in list(self._lines.values()):
            line.send(message)

    def close(self) -> None:
        """End all lines."""
        self._listener.close()
        for line in self._lines.values():
            line.connection.close()


class Spoke:
    """Another process's end of its line.

    Args:
        host: where process 0 runs.
        port: its hub's.
        key: the shared secret.
        rank: this process.
        heard: told of everything, in a thread of the spoke's.
    """

    def __init__(self, host: str, port: int, key: bytes, rank: int, heard: Heard) -> None:
        self._line = _Line(Client((host, port), authkey=key))
        self._heard = heard
        _close_in_forks(self)
        self._line.send({"hello": rank})
        threading.Thread(target=self._listen, daemon=True, name="al-spoke").start()

    def _listen(self) -> None:
        message: Message | None = {}
        while message is not None:
            message = self._line.receive()
            self._heard(0, message)

    def send(self, message: Message) -> None:
        """Tell process 0."""
        self._line.send(message)

    def close(self) -> None:
        """End the line."""
        self._line.connection.close()


def _close_in_forks(end: Hub | Spoke) -> None:
    """A forked data worker would hold the line open after its process was killed."""

    def close() -> None:
        with contextlib.suppress(Exception):
            end.close()

    os.register_at_fork(after_in_child=close)
