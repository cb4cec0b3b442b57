"""A connection between the processes of a run, beside the collectives, for news of stops, failures and deaths.

Process 0 runs the server, every other process a client. The connection of a killed process ends, which the server sees
at once; a collective would wait half an hour for that process. No torch.

A connection is TCP and carries one JSON object a line of text. Both ends first prove that they know the run's key. Each
proof covers a random number that the other end drew, so the key itself is never sent:

    server  {"challenge": A}
    client  {"hello": rank, "challenge": B, "proof": HMAC-SHA256(key, ["client", rank, A, B])}
    server  {"proof": HMAC-SHA256(key, ["server", rank, A, B])}

Any program can connect to the server's port, for example a port scan. A connection without proof is closed after a time
limit. Until then it takes a few kilobytes, and no other connection waits for it.
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
UNPROVEN = 64
"""Connections without proof that are kept at a time; a newer one takes the place of the oldest."""
FIRST = 1024
"""Bytes that a message may have before the proof."""
ATTEMPTS = 6
"""How often a client tries to join."""

Message = dict[str, Any]
OnMessage = Callable[[int, "Message | None"], None]
"""Called with a process's number and its message; None when its connection ended."""


class _Line:
    """One connection. Any thread may send; one thread receives and closes the connection in the end."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._unread = b""
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        with contextlib.suppress(OSError), self._lock:  # the receiving thread reports a connection that ended
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, most: int | None = None, until: float | None = None) -> Message | None:
        """Return the next message; None where the connection ended, or where a line is no message.

        The message may have `most` bytes, and must be there at the instant `until` of time.monotonic().
        """
        while b"\n" not in self._unread:
            left = None if until is None else until - time.monotonic()
            if (most is not None and len(self._unread) >= most) or (left is not None and left <= 0):
                return None
            try:
                self.connection.settimeout(left)
                received = self.connection.recv(65536 if most is None else most - len(self._unread))
            except OSError:  # either side ended the connection, or the message is late
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
        """End the connection for both sides; this wakes the thread that receives."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.end()
        with self._lock:  # not while a message is sent: the file number may be given to another file
            self.connection.close()


class Server:
    """Process 0's end of all connections; it listens until all other processes have joined.

    Args:
        others: number of other processes.
        key: the run's secret; a connection without it is ignored.
        on_message: called with every message, in a thread for each connection.
        everywhere: whether to listen on all interfaces (several machines) or on this machine only.
        limit: seconds in which a connection has to prove that it is one of the run's.
    """

    def __init__(
        self, others: int, key: bytes, on_message: OnMessage, everywhere: bool = False, limit: float = HANDSHAKE
    ) -> None:
        self._listener = socket.create_server(("" if everywhere else "127.0.0.1", 0), backlog=UNPROVEN)
        self.port: int = self._listener.getsockname()[1]
        self._others, self._key, self._on_message, self._limit = others, key, on_message, limit
        self._lock = threading.Lock()
        self._listening = True
        self._unproven: list[_Line] = []
        self._lines: dict[int, _Line] = {}
        _close_in_forks(self)
        threading.Thread(target=self._listen, daemon=True, name="al-server").start()

    def _listen(self) -> None:
        """Serve each connection in a thread of its own."""
        with self._listener:
            while self._listening:
                try:
                    connection, _ = self._listener.accept()
                except OSError:  # the client is gone, too many files are open, or the server was closed
                    time.sleep(0.05)
                    continue
                line = _Line(connection)
                with self._lock:
                    if len(self._unproven) >= UNPROVEN:
                        self._unproven.pop(0).end()
                    self._unproven.append(line)
                try:
                    threading.Thread(target=self._meet, args=(line,), daemon=True, name="al-line").start()
                except RuntimeError:  # the system gives no more threads
                    self._admit(line, 0, "")
                    line.close()

    def _meet(self, line: _Line) -> None:
        """Receive messages until the connection ends, if it proves to be one of the run's other processes."""
        try:
            rank, proof = self._prove(line)
            if not self._admit(line, rank, proof):
                return
            message: Message | None = {"hello": rank}
            while message is not None:
                self._on_message(rank, message)
                message = line.receive()
            self._on_message(rank, None)
        finally:
            line.close()

    def _prove(self, line: _Line) -> tuple[int, str]:
        """Return the number of the process at the other end, 0 without proof, and this end's proof."""
        until = time.monotonic() + self._limit
        ours = secrets.token_hex(32)
        line.send({"challenge": ours})
        answer = line.receive(FIRST, until) or {}
        rank, theirs = answer.get("hello"), answer.get("challenge")
        if type(rank) is not int or not 1 <= rank <= self._others or not isinstance(theirs, str):
            return 0, ""
        right = _same(answer.get("proof"), _proof(self._key, "client", rank, ours, theirs))
        return (rank, _proof(self._key, "server", rank, ours, theirs)) if right else (0, "")

    def _admit(self, line: _Line, rank: int, proof: str) -> bool:
        """Take a connection as that of a process that has none yet; stop listening once all have joined."""
        with self._lock:
            if line in self._unproven:
                self._unproven.remove(line)
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
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the listening thread, which closes the socket
        for line in list(self._unproven):
            line.end()

    def send(self, message: Message) -> None:
        """Send a message to all processes that joined."""
        for line in list(self._lines.values()):
            line.send(message)

    def close(self) -> None:
        """End all connections."""
        self._end_listening()
        for line in list(self._lines.values()):
            line.end()

    def sockets(self) -> list[socket.socket]:
        """Return the open sockets."""
        return [self._listener, *(line.connection for line in (*self._lines.values(), *self._unproven))]


class Client:
    """The end of the connection in any process but process 0.

    Args:
        host: where process 0 runs.
        port: port of its server.
        key: the run's secret.
        rank: number of this process.
        on_message: called with every message, in a thread of the client.
        limit: seconds in which process 0 has to prove that it knows the key, for each of a few attempts.

    Raises:
        ConnectionError: process 0 did not prove it.
    """

    def __init__(
        self, host: str, port: int, key: bytes, rank: int, on_message: OnMessage, limit: float = HANDSHAKE
    ) -> None:
        for attempt in range(ATTEMPTS):
            time.sleep(0.2 * attempt)
            with contextlib.suppress(OSError):
                self._line = _Line(socket.create_connection((host, port), timeout=limit))
                if self._prove(key, rank, limit):
                    break
                self._line.close()
        else:
            raise ConnectionError(f"no answer at {host}, port {port}")
        self._on_message = on_message
        _close_in_forks(self)
        threading.Thread(target=self._listen, daemon=True, name="al-client").start()

    def _prove(self, key: bytes, rank: int, limit: float) -> bool:
        """Prove that this end knows the key; return whether the other end knows it too."""
        until = time.monotonic() + limit
        theirs = (self._line.receive(FIRST, until) or {}).get("challenge")
        if not isinstance(theirs, str):
            return False
        ours = secrets.token_hex(32)
        proof = _proof(key, "client", rank, theirs, ours)
        self._line.send({"hello": rank, "challenge": ours, "proof": proof})
        answer = self._line.receive(FIRST, until) or {}
        return _same(answer.get("proof"), _proof(key, "server", rank, theirs, ours))

    def _listen(self) -> None:
        message: Message | None = {}
        while message is not None:
            message = self._line.receive()
            self._on_message(0, message)
        self._line.close()

    def send(self, message: Message) -> None:
        """Send a message to process 0."""
        self._line.send(message)

    def close(self) -> None:
        """End the connection."""
        self._line.end()

    def sockets(self) -> list[socket.socket]:
        """Return the open sockets."""
        return [self._line.connection]


def _proof(key: bytes, end: str, rank: int, server: str, client: str) -> str:
    """Return the proof that an end knows the key; the proofs of the two ends differ."""
    return hmac.new(key, json.dumps([end, rank, server, client]).encode(), "sha256").hexdigest()


def _same(proof: object, right: str) -> bool:
    return isinstance(proof, str) and hmac.compare_digest(proof.encode(errors="replace"), right.encode())


def _close_in_forks(end: Server | Client) -> None:
    """Close the copies of the sockets in forked data workers, which would keep the connection of a killed process open.

    The copies alone are closed: ending the connection would end it for the process itself.
    """

    def close() -> None:
        with contextlib.suppress(Exception):
            for each in end.sockets():
                each.close()

    os.register_at_fork(after_in_child=close)
