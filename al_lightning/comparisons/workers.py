"""The processes of a comparison: one for each core, each with one thread; each run is the work of one of them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from al_lightning.errors import ALError
from al_lightning.progress import Reporter
from al_lightning.runs.journal import RunRecord

if TYPE_CHECKING:
    from al_lightning.config.experiment import Experiment
    from al_lightning.engine.feature_run import FeatureRuns

PREPARED = "al_lightning.engine.feature_run"
"""What a process of a comparison needs to import."""


@dataclass(frozen=True)
class Method:
    """A strategy of a comparison.

    Attributes:
        config: name of its runs.
        options: further options of `fit`.
        home: folder of its runs.
        record: the first line of its journals, at seed 0.
    """

    config: str
    options: tuple[str, ...]
    home: Path
    record: RunRecord


@dataclass(frozen=True)
class Work:
    """What every process needs to know.

    Attributes:
        methods: the strategies.
        split: how the pool was split, where no test set is named.
        features: the stored features of pool and test set.
        encoded: those of other encoders, which a strategy names.
    """

    methods: tuple[Method, ...]
    split: Any
    features: Any
    encoded: Any


@contextmanager
def processes(work: Work, count: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes; they end with the block, or when this process is gone, whatever they are doing."""
    context = _context()
    over = context.Event()
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(work, over))
    try:
        yield pool
    finally:
        over.set()  # a run that nobody waits for any more may take minutes; it is written whole or not at all
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext:
    """Return how processes start: on Linux as copies of one that has imported this package and done nothing else.

    A copy of this process itself would wait for locks that threads of torch hold. A new interpreter for each process
    would import torch each time and hold 450 MB of its own.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PREPARED])
    return context


def submit(pool: ProcessPoolExecutor, method: int, seed: int) -> Future[Made]:
    """Have a run made; see `result_of`."""
    return pool.submit(_run, method, seed)


def result_of(future: Future[Made]) -> Made:
    """Return what is known of a run that was made.

    Raises:
        ALError: the run failed, or its process died.
    """
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise ALError(
            "A process of the comparison died, perhaps for want of memory; finished runs are kept: run the same "
            "command to go on, with fewer --processes."
        ) from error


class Made(NamedTuple):
    """A run that was made.

    Attributes:
        seconds: that it took.
        notes: what it said, such as notes of its choices.
    """

    seconds: float
    notes: list[str]


class Said(Reporter):
    """Keeps the lines that a run says, in place of printing them."""

    def __init__(self) -> None:
        super().__init__(shown=False)
        self.lines: list[str] = []

    def say(self, text: str, style: str = "") -> None:
        """Keep a line."""
        self.lines.append(text)


class _State:
    """What a process of the pool keeps from run to run."""

    runs: FeatureRuns
    experiments: Sequence[Experiment]
    work: Work


def _begin(work: Work, over: Event) -> None:
    """Prepare a process: read the configurations, and map the features."""
    threading.Thread(target=_end_with, args=(over,), daemon=True).start()
    import torch

    from al_lightning.config.experiment import configure
    from al_lightning.console import quiet
    from al_lightning.engine.feature_run import FeatureRuns

    torch.set_num_threads(1)
    quiet(verbose=False)
    logging.getLogger("al_lightning").setLevel(logging.WARNING)  # the first process said which weights were loaded
    experiments = [configure([method.config], method.options) for method in work.methods]
    data = experiments[0].data
    data.take_split(work.split)
    data.features = work.features
    data.encoded = work.encoded
    _State.experiments = [replace(experiment, data=data) for experiment in experiments]
    _State.runs = FeatureRuns(experiments[0])
    _State.work = work


def _end_with(over: Event) -> None:
    """End this process where the comparison is over or its process is gone: nobody would read what it makes."""
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive() and not over.wait(0.5):
        pass
    os._exit(1)


def _run(method: int, seed: int) -> Made:
    begun = time.perf_counter()
    experiment, asked = _State.experiments[method], _State.work.methods[method]
    directory = asked.home / f"seed_{seed}"
    options = replace(experiment.options, seed=seed, run_dir=directory)
    record = replace(asked.record, seed=seed)
    said = Said()
    _State.runs.run(replace(experiment, options=options, run_dir=directory), record, said)
    return Made(time.perf_counter() - begun, said.lines)
