"""The end of a run of two processes: a stop is answered and said once, also where one of them is paused."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from al_lightning.distributed.shutdown import Shutdown
from tests.support.errors import lacking
from tests.support.processes import pause

ROOT = Path(__file__).parents[2]


PAIR = '''
"""One of two processes of a run, without the run: its signals, its line, and a step that ends or does not."""
import sys, threading, time
from al_lightning.distributed import shutdown
from al_lightning.distributed.control_channel import Server, Client

rank, stage = int(sys.argv[1]), sys.argv[2]
shutdown.ANSWER, shutdown.PATIENCE_WITH_PEERS = float(sys.argv[3]), -2.0
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
    line = Client("127.0.0.1", int(sys.argv[4]), b"key", 1, own.receive)
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


SILENCE = 1.0
"""Seconds after which a process counts as silent, where one of the two is paused."""


NEVER = 600.0
"""Seconds after which a process counts as silent, where both answer: nothing may wait for it."""


Pair = list["subprocess.Popen[str]"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[[str], Pair]]:
    """Starts two processes that have joined each other; none of torch's."""
    (tmp_path / "pair.py").write_text(PAIR)
    started: Pair = []

    def begin(stage: str, answer: float = SILENCE) -> Pair:
        for rank in (0, 1):
            more = [started[0].stdout.readline().strip()] if rank and started[0].stdout else []
            command = [sys.executable, tmp_path / "pair.py", str(rank), stage, str(answer), *more]
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


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, err = process.communicate(timeout=50)  # PAIR sleeps longer
    return process.returncode, err


STOPPED = "al-lightning: Stopped by SIGTERM; run the same command to go on.\n"


SAVING = "al-lightning: SIGTERM: ending the step and saving ...\n"


def test_a_stop_of_a_child_that_process_0_ends_is_not_said_after_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    own, asked = Shutdown(), threading.Event()

    def terminate() -> None:  # process 1 gets SIGTERM and relays it
        own.receive(1, {"stop": "SIGTERM"})
        asked.set()

    own.join(0, 2)
    own.children = {1: SimpleNamespace(terminate=terminate, wait=lambda timeout: 1)}
    with own.patience():
        own.receive(1, {"failed": "No memory left.", "code": 1, "cause": True})
        assert asked.wait(30)
    assert own.asked is None
    assert capsys.readouterr().err == "al-lightning: Process 1 of 2: no memory left.\n"


@pytest.mark.parametrize("to", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("stage", ["elsewhere", "step"])
def test_a_stop_is_answered_at_once_and_said_once(pair: Callable[[str], Pair], stage: str, to: tuple[int, ...]) -> None:
    both = pair(stage, NEVER)
    for rank in to:
        both[rank].send_signal(signal.SIGTERM)
    assert ended(both[1]) == (75, "")
    assert ended(both[0]) == (75, STOPPED if stage == "elsewhere" else SAVING + STOPPED)


@pytest.mark.slow
@pytest.mark.parametrize("then", ["continued", "killed"])
@pytest.mark.parametrize("stage", ["elsewhere", "stuck"])
def test_process_0_is_paused_and_the_other_asked_to_stop(pair: Callable[[str], Pair], stage: str, then: str) -> None:
    both = pair(stage, NEVER if then == "killed" else SILENCE)
    pause(both[0].pid)
    both[1].send_signal(signal.SIGTERM)
    if then == "killed":  # without an answer: it is paused
        time.sleep(1)  # the other has seen its signal by then, on a busy machine too
        both[0].kill()
        assert ended(both[1]) == (75, STOPPED)
        return
    code, err = ended(both[1])
    assert (code, err.count("\n")) == (75, 1), err
    assert not lacking(err, ["SIGTERM", "process 0 of 2", "paused", "kill -CONT"])
    both[0].send_signal(signal.SIGCONT)
    assert ended(both[0]) == (75, STOPPED if stage == "elsewhere" else SAVING + STOPPED)


@pytest.mark.parametrize("stage", ["elsewhere", "stuck"])
def test_another_is_paused_and_process_0_asked_to_stop(pair: Callable[[str], Pair], stage: str) -> None:
    both = pair(stage)
    pause(both[1].pid)
    both[0].send_signal(signal.SIGTERM)
    code, err = ended(both[0])
    assert (code, "without saving" in err, "process 1 of 2" in err) == (75, *[stage == "stuck"] * 2), err
    both[1].send_signal(signal.SIGCONT)
    assert ended(both[1]) == (75, "")


def test_process_0_is_paused_and_the_other_fails(pair: Callable[[str], Pair]) -> None:
    """Process 0 says what went wrong where; where it does not, the other does."""
    both = pair("failing")
    pause(both[0].pid)
    _, err = both[1].communicate("now\n", timeout=50)
    facts = ["MemoryError: no memory left", "process 0 of 2"]
    assert (both[1].returncode, lacking(err, facts), err.count("\n")) == (1, [], 1)
    both[0].send_signal(signal.SIGCONT)
    code, err = ended(both[0])
    assert (code, lacking(err, ["Process 1 of 2", "no memory left"])) == (1, [])
