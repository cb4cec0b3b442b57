"""Data workers: sending of batches, messages for lost workers, waking of stopped ones."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import active_children
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from al_lightning.errors import ALError, raised_in, reason_of
from al_lightning.types import Batch

Item = TypeVar("Item")
Part = TypeVar("Part")

SMALL = 1 << 20
"""Bytes up to which a batch is sent by value."""
# torch raises a bare RuntimeError for all of this, so that its words alone tell a lost worker from other errors.
LOST = re.compile(r"DataLoader worker .*(?:is killed by signal|exited unexpectedly)")
AGAIN = "finished work is kept, and the same command goes on"
CHUNK = 16
"""Images that a process looks at at a time."""
SHARED_MEMORY = "/dev/shm"
MORE = "enlarge it (docker run --shm-size 2g, or --ipc=host)"


def start_method(workers: int) -> str | None:
    """Return how a loader with so many workers starts them; None leaves it to Python.

    Linux forks, on Python 3.14 as well: its own default starts workers that import torch anew, seconds for each loader.
    """
    return "fork" if workers and sys.platform == "linux" else None


class Parcel:
    """A small batch, or a dict of batches, that is pickled together with its pixels; unpickling gives the batch.

    torch sends each tensor as shared memory, over a connection of its own. For a batch of small images that takes the
    training process three times as long as reading the pixels from the queue's pipe.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _map, (_map(self.batch, _to_array), _to_tensor)


class SharedParcel:
    """A batch, or a dict of batches, whose pixels are in shared memory already; unpickling gives the batch.

    The queue pickles in a thread of its own. Where that fails, for lack of shared memory or of file descriptors, the
    thread drops the batch and the training process waits for ever. So the batch is pickled before, in the worker's own
    code, whose errors reach the training process.

    Raises:
        ALError: there is no shared memory for the batch, or no file descriptor.
    """

    def __init__(self, batch: Any) -> None:
        try:
            self.pickled = bytes(ForkingPickler.dumps(batch))
        except (OSError, RuntimeError) as error:  # torch raises a bare RuntimeError
            raise ALError(_no_room(_bytes(batch), error)) from error

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[bytes]]:
        return pickle.loads, (self.pickled,)


def _to_array(tensor: Tensor) -> tuple[npt.NDArray[Any], bool]:
    # Loaded images have their channels last in memory, and a pickle would reorder them.
    last = tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    return (tensor.permute(0, 2, 3, 1) if last else tensor).numpy(), last


def _to_tensor(array: tuple[npt.NDArray[Any], bool]) -> Tensor:
    tensor = torch.from_numpy(array[0])
    return tensor.permute(0, 3, 1, 2) if array[1] else tensor


def _map(batch: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Batch):
        return Batch(*(None if part is None else change(part) for part in batch))  # type: ignore[arg-type]
    return {name: _map(part, change) for name, part in batch.items()}


def _bytes(batch: Any) -> int:
    if isinstance(batch, Batch):
        return sum(tensor.nbytes for tensor in batch if tensor is not None)
    return sum(_bytes(part) for part in batch.values())


def parcel(batch: Any) -> Any:
    """Return a data worker's batch as a `Parcel` or `SharedParcel`; the process that trains keeps a batch as it is.

    Raises:
        ALError: see `SharedParcel`.
    """
    if get_worker_info() is None:
        return batch
    return Parcel(batch) if _bytes(batch) <= SMALL else SharedParcel(batch)


def _no_room(size: int, error: BaseException) -> str:
    """Return the sentence about a batch of some bytes that a data worker cannot put into shared memory."""
    if os.strerror(errno.EMFILE) in str(error):
        problem, way = "too many files are open", "raise their limit (ulimit -n)"
    else:
        full = os.strerror(errno.ENOSPC) in str(error)
        problem, way = "it is full" if full else reason_of(error), MORE
    return (
        f"{_shared_memory()} cannot take a batch of {size / 1e6:.1f} MB from a process that loads data ({problem}): "
        f"{way}, or load in the run's own process: --data.workers 0; {AGAIN}."
    )


def _shared_memory() -> str:
    size = ""
    with contextlib.suppress(OSError):
        size = f" of {shutil.disk_usage(SHARED_MEMORY).total / 1e6:.0f} MB"
    return f"The shared memory {SHARED_MEMORY}{size}"


def no_shared_memory(error: BaseException) -> str:
    """Return how to go on where a loader cannot start, for lack of shared memory for its queues; else ""."""
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC and raised_in(error, "multiprocessing")
    return f"{_shared_memory()} is full, so that no process that loads data can start: {MORE}" if full else ""


def was_ended(error: BaseException) -> bool:
    """Return whether an error of torch's loader says that a data worker ended unexpectedly."""
    return LOST.search(str(error)) is not None


def made_by(
    workers: int,
    parts: Dataset[Part],
    what: str,
    remedy: str = "run the same command with fewer processes: --data.workers 0",
) -> Iterator[Part]:
    """Yield the parts of a dataset in order, each made by one of so many processes; 0 makes them in this process.

    Args:
        workers: processes, at most one a part.
        parts: makes a part at each position, from 0 to its length.
        what: what a process does, for the message: "reads images".
        remedy: what to do where a process was killed, for the message.

    Raises:
        ALError: a process was killed, or cannot start.
    """
    # Processes, because all datasets support them; no dataset says whether it supports threads.
    start = start_method(workers)
    loader = DataLoader(parts, None, num_workers=workers, collate_fn=_as_made, multiprocessing_context=start)
    try:
        yield from loader
    except (OSError, RuntimeError) as error:
        if full := no_shared_memory(error):
            raise ALError(f"{full}.") from error
        if not was_ended(error):
            raise
        raise ALError(f"A process that {what} was killed ({error}), perhaps for lack of memory; {remedy}.") from error


def _as_made(part: Part) -> Part:
    return part  # torch would make tensors of arrays, and lists of tuples


class _Chunks(Dataset[list[Part]]):
    """What a function makes of items; a process of the loader makes a chunk at a time."""

    def __init__(self, make: Callable[[Item], Part], items: Sequence[Item]) -> None:
        self.make, self.items = make, items

    def __len__(self) -> int:
        return -(-len(self.items) // CHUNK)

    def __getitem__(self, chunk: int) -> list[Part]:
        return [self.make(item) for item in self.items[chunk * CHUNK : (chunk + 1) * CHUNK]]


def made_in_chunks(
    workers: int, make: Callable[[Item], Part], items: Sequence[Item], what: str, advance: Callable[[int, int], None]
) -> Iterator[Part]:
    """Yield what a function makes of each item, in order; see `made_by`.

    Args:
        workers: processes, fewer where there are few items; 0 makes all in this process.
        make: the function.
        items: its arguments.
        what: what a process does, for a message.
        advance: called with (done, total) to show progress.
    """
    done = 0
    chunks = _Chunks(make, items)
    for parts in made_by(min(workers, len(chunks)), chunks, what):
        yield from parts
        done += len(parts)
        advance(done, len(items))


def worker_error_message(error: BaseException, timeout: float) -> str:
    """Return a message where a data worker cannot start, was killed, or gave no batch in `timeout` seconds; else ""."""
    if full := no_shared_memory(error):
        return f"{full}, or load in the run's own process: --data.workers 0; {AGAIN}."
    if was_ended(error):
        signalled = re.search(r"killed by signal: ([\w ]+)", f"{error} {error.__cause__ or ''}")
        how = f" ({signalled[1]})" if signalled else ""
        memory = "shared memory (/dev/shm)" if "Bus error" in how else "memory"
        return (
            f"A process that loads data was killed{how}, most likely for lack of {memory}: use fewer processes by "
            f"--data.workers, or smaller images; {AGAIN}."
        )
    if _timed_out(error):
        return (
            f"No batch came for {timeout:g} seconds: the processes that load data, or their disk, hang; "
            f"--data.timeout SECONDS waits longer; {AGAIN}."
        )
    return ""


def loading_error(error: BaseException, timeout: float) -> ALError | None:
    """Return the sentence about an error of a loader or of its data workers; None for an error of another kind.

    `timeout` is the number of seconds that the loader waits for a batch.
    """
    if sentence := worker_error_message(error, timeout):
        return ALError(sentence)
    if not raised_in(error, "torch._utils"):
        return None
    # torch raises an error of a data worker again with its traceback as the text; the last line is the error's own.
    last = str(error).rstrip().rsplit("\n", 1)[-1]
    reason = last.partition(": ")[2] or last
    return type(error)(reason) if isinstance(error, ALError) else ALError(f"Loading the data failed ({last}).")


def wake_stopped(error: BaseException) -> None:
    """After a timeout, let stopped workers continue: Lightning waits ten seconds for each of them to end."""
    if _timed_out(error):
        for child in active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGCONT)


def _timed_out(error: BaseException) -> bool:
    return str(error).startswith("DataLoader timed out")
