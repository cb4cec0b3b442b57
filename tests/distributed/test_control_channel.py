"""The line between the processes of a run: strangers at its port, and processes that do not answer."""

import base64
import json
import os
import queue
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from al_lightning.distributed import control_channel
from al_lightning.distributed.control_channel import Client, Message, Server
from tests.support.processes import pause

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
    with pytest.raises(ConnectionError, match=f"no answer at 127.0.0.1, port {run.server.port}"):
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


PAIR = '''
"""One of two processes of a run, without the run: its signals, its line, and a step that ends or does not."""
import sys, threading, time
from al_lightning.distributed import shutdown
from al_lightning.distributed.control_channel import Server, Client

shutdown.ANSWER, shutdown.PATIENCE_WITH_PEERS = 1.0, -2.0
rank, stage = int(sys.argv[1]), sys.argv[2]
own = shutdown.shutdown
own.owns_process = True
own.listen()
own.join(rank, 2)
joined = threading.Event()

def heard(*said):
    own.receive(*said)
    joined.set()

if rank == 0:
    line = Server(1, b"key", heard)
    print(line.port, flush=True)
else:
    line = Client("127.0.0.1", int(sys.argv[3]), b"key", 1, own.receive)
own.connect(line.send)
rank or joined.wait()
if stage in ("elsewhere", "failing"):
    print("ready", flush=True)
if stage == "failing" and rank:
    sys.stdin.readline()
    own.end(1, "MemoryError: no memory left.")
if stage in ("elsewhere", "failing"):
    time.sleep(60)
with own.patience():
    print("ready", flush=True)
    while own.asked is None or stage == "stuck":
        time.sleep(0.01)
own.end(75, "the step ended")
'''
Pair = list["subprocess.Popen[str]"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[[str], Pair]]:
    """Starts two processes that have joined each other; none of torch's."""
    (tmp_path / "pair.py").write_text(PAIR)
    started: Pair = []

    def begin(stage: str) -> Pair:
        for rank in (0, 1):
            more = [started[0].stdout.readline().strip()] if rank and started[0].stdout else []
            command = [sys.executable, tmp_path / "pair.py", str(rank), stage, *more]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            pipe = subprocess.PIPE
            started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment))
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return started

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]", within: float) -> tuple[int, str]:
    _, err = process.communicate(timeout=within)
    return process.returncode, err


STOPPED = "al-lightning: Stopped by SIGTERM; run the same command to go on.\n"
SAVING = "al-lightning: SIGTERM: ending the step and saving ...\n"


@pytest.mark.parametrize("to", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("stage", ["elsewhere", "step"])
def test_a_stop_is_answered_at_once_and_said_once(pair: Callable[[str], Pair], stage: str, to: tuple[int, ...]) -> None:
    both = pair(stage)
    for rank in to:
        both[rank].send_signal(signal.SIGTERM)
    assert ended(both[1], within=0.9) == (75, "")
    assert ended(both[0], within=0.9) == (75, STOPPED if stage == "elsewhere" else SAVING + STOPPED)


@pytest.mark.parametrize("then", ["continued", "killed"])
@pytest.mark.parametrize("stage", ["elsewhere", "stuck"])
def test_process_0_is_paused_and_the_other_asked_to_stop(pair: Callable[[str], Pair], stage: str, then: str) -> None:
    both = pair(stage)
    pause(both[0].pid)
    both[1].send_signal(signal.SIGTERM)
    if then == "killed":  # before it could have answered
        both[0].kill()
        assert ended(both[1], within=0.9) == (75, STOPPED)
        return
    code, err = ended(both[1], within=3)
    assert (code, err.count("\n")) == (75, 1), err
    assert "Stopped by SIGTERM, but process 0 of 2 does not answer (is it paused?): continue it with kill -CONT" in err
    both[0].send_signal(signal.SIGCONT)
    code, err = ended(both[0], within=3)
    assert (code, err) == (75, STOPPED if stage == "elsewhere" else SAVING + STOPPED)


@pytest.mark.parametrize("stage", ["elsewhere", "stuck"])
def test_another_is_paused_and_process_0_asked_to_stop(pair: Callable[[str], Pair], stage: str) -> None:
    both = pair(stage)
    pause(both[1].pid)
    both[0].send_signal(signal.SIGTERM)
    code, err = ended(both[0], within=3)
    silent = "Stopped by SIGTERM without saving the fit's last steps, since process 1 of 2 does not answer"
    assert (code, silent in err) == (75, stage == "stuck"), err
    both[1].send_signal(signal.SIGCONT)
    assert ended(both[1], within=3) == (75, "")


def test_process_0_is_paused_and_the_other_fails(pair: Callable[[str], Pair]) -> None:
    """Process 0 says what went wrong where; where it does not, the other does."""
    both = pair("failing")
    pause(both[0].pid)
    _, err = both[1].communicate("now\n", timeout=3)
    said = "al-lightning: MemoryError: no memory left; process 0 of 2 does not answer.\n"
    assert (both[1].returncode, err) == (1, said)
    both[0].send_signal(signal.SIGCONT)
    code, err = ended(both[0], within=3)
    assert (code, "Process 1 of 2: memoryError: no memory left" in err) == (1, True), err
