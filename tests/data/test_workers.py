"""Processes that load data: batches leave them as they went in; one that is killed or hangs ends the command."""

import errno
import gc
import os
import pickle
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types
from multiprocessing import active_children, synchronize
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from al_lightning import data
from al_lightning.data import datamodule
from al_lightning.data.read import read
from al_lightning.data.workers import SMALL, Parcel, no_shared_memory, parcel, worker_error_message
from al_lightning.errors import ALError, UsageError
from al_lightning.types import Batch
from tests.support.errors import lacking, raises
from tests.support.processes import environment
from tests.support.runs import Answer


def fit(al, config, *options):
    return al("fit", "--config", config, "--steps", 3, "--budget.cycles", 0, "--run_dir", "run", *options)


def befall(monkeypatch, sent):
    """Let each process that loads data send itself a signal before its first batch, however busy the machine is."""

    struck = []

    def stricken(batch):
        if not struck:  # once: a process that goes on after it was stopped does not stop again
            struck.append(sent)
            os.kill(os.getpid(), sent)
        return parcel(batch)

    monkeypatch.setattr(datamodule, "parcel", stricken)


@pytest.mark.parametrize(
    ("sent", "timeout", "facts"),
    [
        (signal.SIGKILL, 60, ["killed", "memory", "--data.workers"]),
        (signal.SIGSTOP, 2, ["2 seconds", "--data.timeout"]),
    ],
    ids=["killed", "stopped"],
)
def test_a_loading_process_that_is_gone_or_hangs_ends_the_run_with_a_sentence(
    al, here, monkeypatch, sent, timeout, facts
):
    options = ["--data.workers", 1, "--data.timeout", timeout]
    with monkeypatch.context() as patch:
        befall(patch, sent)
        answer = fit(al, "digits_random", *options)
    assert (answer.code, lacking(answer.err.splitlines()[-1], [*facts, "the same command goes on"])) == (1, [])
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
        read(Deadly(), 2, labelled=True, workers=1, advance=lambda done, total: None)


def test_other_errors_are_not_blamed_on_the_loading_processes():
    assert worker_error_message(RuntimeError("CUDA error"), 600) == ""
    full = "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ..."
    assert "/dev/shm" in worker_error_message(RuntimeError(full), 600)
    lost = RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly")
    assert not lacking(worker_error_message(lost, 600), ["killed", "memory", "--data.workers"])
    assert issubclass(UsageError, ALError)


def batch_of(size: int, count: int = 2) -> Batch:
    draw = torch.Generator().manual_seed(size)
    image = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=draw).permute(0, 3, 1, 2)
    return Batch(image, torch.arange(count), torch.arange(count) + 10)


class Two(Dataset[Any]):
    """A small batch, and a large one beside a small one."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return {"labelled": batch_of(8)} if number == 0 else {"labelled": batch_of(600), "more": {"view": batch_of(4)}}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Batch):
        layout = [tensor.stride() for tensor in one[:3]] == [tensor.stride() for tensor in other[:3]]
        return type(other) is Batch and layout and all(map(torch.equal, one[:3], other[:3]))
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)


def test_batches_come_out_of_a_worker_as_they_went_in() -> None:
    assert batch_of(600).image.nbytes > SMALL
    for got, wanted in zip(DataLoader(Two(), None, num_workers=1, collate_fn=parcel), Two(), strict=False):
        assert same(got, wanted)
    batch = batch_of(8)
    assert parcel(batch) is batch  # nothing is packed that stays in its process
    opened = pickle.loads(pickle.dumps(Parcel({"a": batch})))
    assert same(opened, {"a": batch})
    opened["a"].image.add_(1)  # a tensor like any other


# Shared memory that is too small: a batch that is dropped would be awaited for ever


class Limited(Dataset[Any]):
    """A large batch, in a process that may make no file of a megabyte; shared memory is files."""

    def __init__(self, kind: int, limit: int) -> None:
        self.kind, self.limit = kind, limit

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> Any:
        resource.setrlimit(self.kind, (self.limit, self.limit))
        return {"labelled": batch_of(600)}


@pytest.mark.parametrize(
    ("kind", "limit", "facts"),
    [
        (resource.RLIMIT_FSIZE, 1 << 20, ["/dev/shm", "2.2 MB", "File too large", "--shm-size", "--data.workers 0"]),
        (resource.RLIMIT_NOFILE, 3, ["too many files are open", "ulimit -n", "--data.workers 0"]),
    ],
    ids=["memory", "files"],
)
def test_a_batch_that_cannot_be_handed_over_is_an_error_at_once(kind: int, limit: int, facts: list[str]) -> None:
    loader = DataLoader(Limited(kind, limit), None, num_workers=1, collate_fn=parcel, timeout=60)
    begun = time.monotonic()
    with pytest.raises(ALError) as caught:
        next(iter(loader))
    assert not lacking(str(caught.value), facts)
    assert time.monotonic() - begun < 30


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_queues_that_find_no_shared_memory_are_told_from_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    # As where the system's call fails, the innermost frame is multiprocessing's.
    monkeypatch.setattr(
        synchronize.SemLock, "__init__", types.FunctionType(full.__code__, {**vars(synchronize), "errno": errno})
    )
    with raises(ALError, "/dev/shm", "--shm-size"):
        read(Deadly(), 2, labelled=True, workers=1, advance=lambda done, total: None)
    gc.collect()  # half a loader, whose end fails: later, it would do so in whatever runs then
    assert no_shared_memory(OSError(errno.ENOSPC, "No space left on device")) == ""


LOST = """
from torch.utils.data import get_worker_info
from al_lightning.data import Digits
from al_lightning.data.images import ArrayImages

class Unreadable(ArrayImages):
    def image(self, index):
        if get_worker_info() is not None:
            raise ValueError("the disk is gone")
        return super().image(index)

class Lost(Digits):
    def build_test(self):
        test = super().build_test()
        return Unreadable(test.images, test.labels, test.names)
"""


@pytest.mark.slow
def test_a_process_that_cannot_load_the_test_set_does_not_keep_the_run_from_ending(here):
    """The command line's own process: the ones that it starts ignore the signals that it handles itself."""
    (here / "lost.py").write_text(LOST)
    options = ["--data", "lost.Lost", "--data.workers", "1", "--steps", "1", "--budget.cycles", "0", "--run_dir", "r"]
    command = [sys.executable, "-m", "al_lightning", "fit", "--config", "digits_random", *options]
    surroundings = {**environment(), "PYTHONPATH": os.pathsep.join([environment()["PYTHONPATH"], str(here)])}
    done = subprocess.run(command, cwd=here, env=surroundings, capture_output=True, text=True, timeout=60)
    assert (done.returncode, lacking(done.stderr.splitlines()[-1], ["the disk is gone"])) == (1, [])


def in_small_shared_memory(megabytes: int, *arguments: object, here: Any) -> Answer:
    """Run the command line where /dev/shm has so many megabytes, as in a container."""
    command = shlex.join([sys.executable, "-m", "al_lightning", *map(str, arguments)])
    mounted = f"mount -t tmpfs -o size={megabytes}m tmpfs /dev/shm && exec {command}"
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", mounted],
        cwd=here, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def can_mount() -> bool:
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    return shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.slow
def test_in_a_container_with_little_shared_memory_every_command_ends(here, masks):
    """The run says what to do; audit and prepare send no pixels between processes, so they work."""
    if not can_mount():
        pytest.skip("needs root, and unshare")
    data = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.size", "[512, 512]"]
    run = ["fit", "--config", "mask_folder_random", *data, "--data.batch_size", 8, "--data.workers", 2, "--steps", 4]
    run += ["--budget.unit", "images", "--budget.initial", 8, "--budget.cycles", 0, "--run_dir", "r"]
    answer = in_small_shared_memory(8, *run, here=here)
    assert (answer.code, lacking(answer.err, ["of 8 MB", "it is full", "--shm-size", "--data.workers 0"])) == (1, [])
    options = ["--config", "mask_folder", *data, "--data.workers", 2]
    assert in_small_shared_memory(1, "audit", *options, here=here).code == 0
    assert in_small_shared_memory(1, "prepare", "mask_folder", *data, "--processes", 2, here=here).code == 0
