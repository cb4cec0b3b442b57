"""The line between the processes of a run: strangers at its port, and processes that do not answer."""

import base64
import json
import queue
import resource
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from al_lightning.distributed import control_channel
from al_lightning.distributed.control_channel import Client, Message, Server
from tests.support.errors import raises

ROOT = Path(__file__).parents[2]
KEY = bytes(range(32))
LIMIT = 0.8
Heard = tuple[int, "Message | None"]


class Run:
    """A server that waits for `others`, and what it heard."""

    def __init__(self, others: int = 1, limit: float = LIMIT) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue()
        self.server = Server(others, KEY, lambda rank, said: self.heard.put((rank, said)), limit=limit)
        self.told: queue.Queue[Heard] = queue.Queue()

    def join(self, rank: int = 1, key: bytes = KEY, port: int | None = None) -> Client:
        return Client("127.0.0.1", port or self.server.port, key, rank, lambda *said: self.told.put(said), limit=LIMIT)

    def joins(self, rank: int = 1, port: int | None = None) -> Client:
        """An honest process joins at once, and messages go both ways."""
        begun = time.monotonic()
        client = self.join(rank, port=port)
        assert self.heard.get(timeout=2) == (rank, {"hello": rank})
        self.talks(client, rank)
        assert time.monotonic() - begun < 2
        return client

    def talks(self, client: Client, rank: int = 1) -> None:
        client.send({"failed": "é\n" * 50_000})
        assert self.heard.get(timeout=2) == (rank, {"failed": "é\n" * 50_000})
        self.server.send({"stop": "SIGTERM"})
        assert self.told.get(timeout=2) == (0, {"stop": "SIGTERM"})


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run()
    yield run
    run.server.close()


def connected(run: Run, say: bytes = b"") -> socket.socket:
    stranger = socket.create_connection(("127.0.0.1", run.server.port), timeout=5)
    stranger.sendall(say)
    return stranger


def is_closed(stranger: socket.socket) -> bool:
    """Whether the server closes a connection; what it says before is its challenge and no more."""
    said = b""
    try:
        while chunk := stranger.recv(4096):
            said += chunk
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    assert all(list(json.loads(line)) == ["challenge"] for line in said.splitlines())
    return True


def test_a_port_scan(run: Run) -> None:
    for number in range(30):
        stranger = connected(run, b"x" * number)
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stranger.close()  # by a reset
    run.joins()


NO_MESSAGES = [
    b"GET / HTTP/1.1\r\nHost: al\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(1100),  # TLS
    struct.pack("!i", 0x7FFFFFFF) + b"x" * 2000,  # a length of 2 GB, as multiprocessing would read it
    struct.pack("!iQ", -1, 1 << 62) + b"\n",
    b"x" * 1_000_000,  # a message without end
    b"\n",
    b"[]\n",
    b"null\n",
    b"{}\n",
    b"[" * 1000 + b"\n",
    b"\xff\xfe\n",
    b'{"hello": 1}\n',
    b'{"hello": 1, "challenge": "x"}\n',
    b'{"hello": 1, "challenge": "x", "proof": null}\n',
    b'{"hello": 1, "challenge": "\\ud800", "proof": "\\ud800"}\n',
    b'{"hello": 1, "challenge": "x", "proof": "' + b"0" * 64 + b'"}\n',
    b'{"hello": {}, "challenge": [], "proof": 1}\n',
]


@pytest.mark.parametrize("say", NO_MESSAGES)
def test_what_is_no_proof_is_sent_away(run: Run, say: bytes) -> None:
    stranger = socket.create_connection(("127.0.0.1", run.server.port), timeout=5)
    begun = time.monotonic()
    with suppress(ConnectionError):  # closed before it said all
        stranger.sendall(say)
    assert is_closed(stranger)
    assert time.monotonic() - begun < LIMIT / 2
    run.joins()


@pytest.mark.parametrize("rank", [0, -1, 2, True, 1.0, "1", None, 10**400])
def test_an_impossible_process_that_knows_the_key(run: Run, rank: object) -> None:
    stranger = connected(run)
    challenge = json.loads(stranger.recv(4096))["challenge"]
    proof = control_channel._proof(KEY, "client", rank, challenge, "x")  # type: ignore[arg-type]
    stranger.sendall(json.dumps({"hello": rank, "challenge": "x", "proof": proof}).encode() + b"\n")
    assert is_closed(stranger)
    run.joins()


def test_silent_connections_keep_nobody_waiting_and_end(run: Run) -> None:
    with ExitStack() as stack:
        strangers = [stack.enter_context(connected(run)) for _ in range(3 * control_channel.UNPROVEN)]
        most = sum(thread.name == "al-line" for thread in threading.enumerate())
        assert most < 2 * control_channel.UNPROVEN
        client = run.joins()
        assert all(map(is_closed, strangers))
        run.talks(client)


def test_a_byte_now_and_then_wins_no_time(run: Run) -> None:
    stranger = connected(run)
    begun = time.monotonic()
    with suppress(ConnectionError):
        while time.monotonic() < begun + 4 * LIMIT:
            stranger.sendall(b" ")
            time.sleep(0.05)
    assert LIMIT / 2 < time.monotonic() - begun < 2 * LIMIT
    run.joins()


def test_no_time_limit_once_it_has_joined() -> None:
    run = Run(limit=0.2)
    client = run.joins()
    time.sleep(0.5)
    run.talks(client)
    client.close()
    assert run.heard.get(timeout=2) == (1, None)


def test_no_more_files(run: Run) -> None:
    """A connection that cannot be taken now is taken later."""
    stranger = socket.socket()
    stranger.settimeout(5)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        stranger.connect(("127.0.0.1", run.server.port))
        time.sleep(0.2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert b"challenge" in stranger.recv(4096)
    run.joins()


def test_a_wrong_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_channel, "ATTEMPTS", 1)
    with raises(ConnectionError, "127.0.0.1", f"port {run.server.port}"):
        run.join(key=bytes(32))
    assert run.heard.empty()
    run.joins()


def test_a_process_that_is_there_already(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(others=2)
    first = run.joins(1)
    monkeypatch.setattr(control_channel, "ATTEMPTS", 1)
    with pytest.raises(ConnectionError):
        run.join(1)
    first.send({"bye": True})
    assert run.heard.get(timeout=2) == (1, {"bye": True})
    run.joins(2)
    with pytest.raises(ConnectionError):  # all are there: nobody listens any more
        run.join(1)
    run.server.close()


class Between:
    """Somebody on the way, who reads everything, and may cut the first connections."""

    def __init__(self, port: int, cut: int = 0) -> None:
        self.read = b""
        self.to, self.cut = port, cut
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            near, _ = self.listener.accept()
            if self.cut:
                self.cut -= 1
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        while chunk := one.recv(4096):
            self.read += chunk
            other.sendall(chunk)


def test_the_key_is_never_sent_and_what_was_sent_opens_nothing() -> None:
    run = Run(others=2)
    between = Between(run.server.port)
    run.joins(1, port=between.port)
    read = between.read.lower()
    for form in (KEY, KEY.hex().encode(), base64.b64encode(KEY).lower(), repr(list(KEY)).encode()):
        assert form not in read
    hello = next(line for line in between.read.splitlines() if b"hello" in line)
    assert is_closed(connected(run, hello + b"\n"))
    run.joins(2)
    run.server.close()


def test_a_process_that_was_turned_away_tries_again(run: Run) -> None:
    run.joins(port=Between(run.server.port, cut=2).port)


def test_a_server_that_does_not_know_the_key_is_not_believed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_channel, "ATTEMPTS", 1)
    false = Server(1, bytes(32), lambda *_: None)
    monkeypatch.setattr(false, "_prove", lambda line: (line.send({"challenge": "x"}), line.receive(), (1, "x"))[2])
    with pytest.raises(ConnectionError):
        run.join(port=false.port)
    assert run.told.empty()
