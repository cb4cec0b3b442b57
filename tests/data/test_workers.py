"""Processes that load data: one that is killed or hangs ends the command with a sentence."""

import os
import signal
import threading
import time
from multiprocessing import active_children

import pytest

from al_lightning import data
from al_lightning.audits.read import read
from al_lightning.data.workers import of_workers
from al_lightning.errors import ALError, UsageError
from tests.support.errors import lacking, raises


def fit(al, config, *options):
    return al("fit", "--config", config, "--steps", 3, "--budget.cycles", 0, "--run_dir", "run", *options)


def befall(sent):
    """Send a signal to the first process that this one starts, from a thread."""

    def look():
        for _ in range(3000):
            if children := active_children():
                os.kill(children[0].pid, sent)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("sent", "facts"),
    [
        (signal.SIGKILL, ["killed", "memory", "--data.workers"]),
        (signal.SIGSTOP, ["2 seconds", "--data.timeout"]),
    ],
    ids=["killed", "stopped"],
)
def test_a_loading_process_that_is_gone_or_hangs_ends_the_run_with_a_sentence(al, here, sent, facts):
    options = ["--data.workers", 1, "--data.timeout", 2]
    thread = befall(sent)
    answer = fit(al, "digits_random", *options)
    thread.join()
    last = answer.err.splitlines()[-1]
    assert (answer.code, [fact for fact in [*facts, "the same command goes on"] if fact not in last]) == (1, [])
    for child in active_children():  # a stopped one was told to go on, so that it ends
        child.join(10)
    assert not active_children()
    if sent == signal.SIGKILL:
        assert fit(al, "digits_random", *options).code == 0


class Deadly(data.Images):
    """Ends the process that reads it."""

    def __len__(self):
        return 3

    def image(self, index):
        os.kill(os.getpid(), signal.SIGKILL)

    def label(self, index):
        return 0

    def name(self, index):
        return str(index)


def test_an_audit_says_that_a_reading_process_is_gone():
    with raises(ALError, "killed", "--data.workers"):
        read(Deadly(), 2, workers=1)


def test_other_errors_are_not_blamed_on_the_loading_processes():
    assert of_workers(RuntimeError("CUDA error"), 600) == ""
    full = "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ..."
    assert "/dev/shm" in of_workers(RuntimeError(full), 600)
    lost = RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly")
    assert not lacking(of_workers(lost, 600), ["killed", "memory", "--data.workers"])
    assert issubclass(UsageError, ALError)
