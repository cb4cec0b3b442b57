"""A line between the processes of a run, beside the collectives: who was told to stop, who failed, who is gone.

Process 0 holds the hub, every other one a spoke. A process that is killed says nothing, but its line ends, which the
hub sees at once; a collective would wait for it for half an hour. No torch.

A line is a TCP connection that carries one JSON object a line of text. Both ends first prove that they know the run's
key, each over a number that the other one drew, so that the key itself is never sent:

    hub    {"challenge": A}
    spoke  {"hello": rank, "challenge": B, "proof": HMAC-SHA256(key, ["spoke", rank, A, B])}
    hub    {"proof": HMAC-SHA256(key, ["hub", rank, A, B])}

Anybody may connect to the hub's port, a port scan for one. Who proves nothing within a time limit is sent away, costs
a few kilobytes until then, and keeps nobody else waiting.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

HANDSHAKE = 10.0
"""Seconds in which a connection has to prove that it is one of the run's."""
STRANGERS = 64
"""Connections that may be about to do so at a time; a newer one takes the place of the oldest."""
FIRST = 1024
"""Bytes that a message may have before that."""
ATTEMPTS = 6
"""How often a spoke tries to join."""

Message = dict[str, Any]
Heard = Callable[[int, "Message | None"], None]
"""Called with a process's number and what it said; None when its line ended."""


class _Line:
    """One connection; sending is safe from any thread, receiving is one thread's, which closes it in the end."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._unread = b""
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with contextlib.suppress(OSError), self._lock:  # who is gone is reported by the reading side
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, most: int | None = None, until: float | None = None) -> Message | None:
        """Return the next message; None when the line ended, or when what comes is none.

        Args:
            most: bytes that it may have.
            until: instant, of time.monotonic(), at which it must be there, however many bytes have come.
        """
        while b"\n" not in self._unread:
            left = None if until is None else until - time.monotonic()
            if (most is not None and len(self._unread) >= most) or (left is not None and left <= 0):
                return None
            try:
                self.connection.settimeout(left)
                received = self.connection.recv(65536 if most is None else most - len(self._unread))
            except OSError:  # ended by the other side, or by ours meanwhile, or too late
                return None
            if not received:
                return None
            self._unread += received
        text, _, self._unread = self._unread.partition(b"\n")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) else None

    def end(self) -> None:
        """End the line for both sides; the thread that reads it, wakes."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.end()
        with self._lock:  # not under a message that is being sent: its number may be another file's next
            self.connection.close()


class Hub:
    """Process 0's end of all lines; it listens until all others have joined.

    Args:
        others: number of other processes.
        key: shared secret; who does not know it is not let in.
        heard: told of everything, in a thread for each line.
        everywhere: whether to listen on all interfaces (several machines) or on this machine only.
        limit: seconds in which a connection has to prove that it is one of the run's.
    """

    def __init__(
        self, others: int, key: bytes, heard: Heard, everywhere: bool = False, limit: float = HANDSHAKE
    ) -> None:
        self._listener = socket.create_server(("" if everywhere else "127.0.0.1", 0), backlog=STRANGERS)
        self.port: int = self._listener.getsockname()[1]
        self._others, self._key, self._heard, self._limit = others, key, heard, limit
        self._lock = threading.Lock()
        self._listening = True
        self._strangers: list[_Line] = []
        self._lines: dict[int, _Line] = {}
        _close_in_forks(self)
        threading.Thread(target=self._listen, daemon=True, name="al-hub").start()

    def _listen(self) -> None:
        """See to each connection in a thread of its own, whatever becomes of the others."""
        with self._listener:
            while self._listening:
                try:
                    connection, _ = self._listener.accept()
                except OSError:  # it left already, or too many files are open; or the hub was closed, as is seen above
                    time.sleep(0.05)
                    continue
                line = _Line(connection)
                with self._lock:
                    if len(self._strangers) >= STRANGERS:
                        self._strangers.pop(0).end()
                    self._strangers.append(line)
                try:
                    threading.Thread(target=self._meet, args=(line,), daemon=True, name="al-line").start()
                except RuntimeError:  # the system gives no more threads
                    self._admit(line, 0, "")
                    line.close()

    def _meet(self, line: _Line) -> None:
        """Hear a connection to its end, if it proves to be one of the run's other processes."""
        try:
            rank, proof = self._prove(line)
            if not self._admit(line, rank, proof):
                return
            message: Message | None = {"hello": rank}
            while message is not None:
                self._heard(rank, message)
                message = line.receive()
            self._heard(rank, None)
        finally:
            line.close()

    def _prove(self, line: _Line) -> tuple[int, str]:
        """Return which process a connection is, and this end's proof; 0 if it is none."""
        until = time.monotonic() + self._limit
        ours = secrets.token_hex(32)
        line.send({"challenge": ours})
        said = line.receive(FIRST, until) or {}
        rank, theirs = said.get("hello"), said.get("challenge")
        if type(rank) is not int or not 1 <= rank <= self._others or not isinstance(theirs, str):
            return 0, ""
        right = _same(said.get("proof"), _proof(self._key, "spoke", rank, ours, theirs))
        return (rank, _proof(self._key, "hub", rank, ours, theirs)) if right else (0, "")

    def _admit(self, line: _Line, rank: int, proof: str) -> bool:
        """Make a connection that of a process, unless it has one; stop listening once all are there."""
        with self._lock:
            if line in self._strangers:
                self._strangers.remove(line)
            if not self._listening or not rank or rank in self._lines:
                return False
            line.send({"proof": proof})
            self._lines[rank] = line
            complete = len(self._lines) == self._others
        if complete:
            self._end_listening()
        return True

    def _end_listening(self) -> None:
        self._listening = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which closes it
        for line in list(self._strangers):
            line.end()

    def send(self, message: Message) -> None:
        """Tell everyone."""
        for line in list(self._lines.values()):
            line.send(message)

    def close(self) -> None:
        """End all lines."""
        self._end_listening()
        for line in list(self._lines.values()):
            line.end()

    def sockets(self) -> list[socket.socket]:
        """Return what is open."""
        return [self._listener, *(line.connection for line in (*self._lines.values(), *self._strangers))]


class Spoke:
    """Another process's end of its line.

    Args:
        host: where process 0 runs.
        port: its hub's.
        key: the shared secret.
        rank: this process.
        heard: told of everything, in a thread of the spoke's.
        limit: seconds in which process 0 has to prove that it knows the key, for each of a few attempts.

    Raises:
        ConnectionError: it does not.
    """

    def __init__(self, host: str, port: int, key: bytes, rank: int, heard: Heard, limit: float = HANDSHAKE) -> None:
        for attempt in range(ATTEMPTS):
            time.sleep(0.2 * attempt)
            with contextlib.suppress(OSError):
                self._line = _Line(socket.create_connection((host, port), timeout=limit))
                if self._prove(key, rank, limit):
                    break
                self._line.close()
        else:
            raise ConnectionError(f"no answer at {host}, port {port}")
        self._heard = heard
        _close_in_forks(self)
        threading.Thread(target=self._listen, daemon=True, name="al-spoke").start()

    def _prove(self, key: bytes, rank: int, limit: float) -> bool:
        """Prove to know the key; return whether the other end knows it too."""
        until = time.monotonic() + limit
        theirs = (self._line.receive(FIRST, until) or {}).get("challenge")
        if not isinstance(theirs, str):
            return False
        ours = secrets.token_hex(32)
        proof = _proof(key, "spoke", rank, theirs, ours)
        self._line.send({"hello": rank, "challenge": ours, "proof": proof})
        answer = self._line.receive(FIRST, until) or {}
        return _same(answer.get("proof"), _proof(key, "hub", rank, theirs, ours))

    def _listen(self) -> None:
        message: Message | None = {}
        while message is not None:
            message = self._line.receive()
            self._heard(0, message)
        self._line.close()

    def send(self, message: Message) -> None:
        """Tell process 0."""
        self._line.send(message)

    def close(self) -> None:
        """End the line."""
        self._line.end()

    def sockets(self) -> list[socket.socket]:
        """Return what is open."""
        return [self._line.connection]


def _proof(key: bytes, end: str, rank: int, hubs: str, spokes: str) -> str:
    """Return what only who knows the key can say about both challenges; one end's is not the other's."""
    return hmac.new(key, json.dumps([end, rank, hubs, spokes]).encode(), "sha256").hexdigest()


def _same(said: object, right: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(errors="replace"), right.encode())


def _close_in_forks(end: Hub | Spoke) -> None:
    """A forked data worker would hold the line open after its process was killed.

    It closes only its own copies: ending a line would end it for the process itself.
    """

    def close() -> None:
        with contextlib.suppress(Exception):
            for each in end.sockets():
                each.close()

    os.register_at_fork(after_in_child=close)
