"""A trial before a run: what a step of training and a batch of testing and scoring take here, on throw-away objects."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from statistics import median
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities.seed import isolate_rng

from al_lightning.config.experiment import Experiment
from al_lightning.distributed.processes import Processes
from al_lightning.engine.fit import Fit
from al_lightning.engine.open_data import fresh_fit
from al_lightning.engine.stages import guarded, stage_trainer
from al_lightning.engine.steps import StepCallback
from al_lightning.engine.workload import Workload
from al_lightning.pool import Pool
from al_lightning.progress import FIT, Reporter

STEPS, BATCHES = 20, 2
"""Most steps, and most batches of a stage, that are done."""
SECONDS = 2.0
"""Seconds of steps after the first one, after which none begins; a batch that should take longer is not timed."""


class Clock(Callback):
    """Notes when each batch ends, and ends the fit once enough steps were seen."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Begin to count."""
        self.times = [time.perf_counter()]

    on_test_epoch_start = on_predict_epoch_start = on_train_epoch_start

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        """Note the end of a step; at least two are done, of which the first is no measure."""
        self.times.append(time.perf_counter())
        if self.count > 1 and self.times[-1] - self.times[1] > SECONDS:
            trainer.should_stop = True

    def on_test_batch_end(self, trainer: Trainer, *arguments: Any, **more: Any) -> None:
        """Note the end of a batch."""
        self.times.append(time.perf_counter())

    on_predict_batch_end = on_test_batch_end

    @property
    def count(self) -> int:
        """Number of steps or batches."""
        return len(self.times) - 1

    @property
    def seconds(self) -> float:
        """Seconds of a step or batch: the median of the later half; the first ones start workers and read files."""
        each = [end - start for start, end in zip(self.times, self.times[1:], strict=False)]
        return median(each[len(each) // 2 :])


def trial(
    experiment: Experiment,
    pool: Pool,
    load: Workload,
    processes: Processes,
    stages: Collection[str] = ("test", "score"),
    options: Mapping[str, Any] | None = None,
) -> tuple[dict[str, float], int]:
    """Return the seconds of a step and of each other stage's batch, by stage, and the number of steps timed.

    Network, loaders, Trainer and strategy are made anew and discarded, the callbacks of the configuration are left out,
    and the global generators are as before afterwards. A batch that should take more than `SECONDS` is not timed.

    Args:
        experiment: the configuration.
        pool: with the labels of the first fit.
        load: the run's work.
        processes: the run's processes, one alone.
        stages: that are timed beside the steps.
        options: of the Trainer, instead of the configuration's.
    """
    short = replace(experiment, options=replace(experiment.options, steps=STEPS, epochs=None))
    silent = Reporter(shown=False)
    with isolate_rng(), fresh_fit(short, pool, processes, silent, Fit) as fit:
        given = {**fit_options(experiment), **(options or {})}
        clock = Clock()
        fit.trainer = stage_trainer(
            given,
            [StepCallback(silent, fit.data), clock],
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            limit_val_batches=0,
            limit_test_batches=BATCHES,
            num_sanity_val_steps=0,
            default_root_dir=str(fit.directory),
        )
        timeout = experiment.data.timeout
        guarded(fit.trainer, lambda: fit.trainer.fit(fit.module, datamodule=fit.data), timeout)
        steps, found = clock.count, {FIT: clock.seconds}
        fit.trainer.should_stop = False
        work = {stage: counts[load.first] for stage, counts in load.batches.items()}
        quick = {stage for stage in stages if work[stage] and load.in_steps[stage][1] * found[FIT] < SECONDS}
        if "test" in quick:
            fit.test()
            found["test"] = clock.seconds
        if "score" in quick:
            strategy = experiment.configuration.instantiate("acquisition").acquisition
            images = pool.unlabelled[: BATCHES * experiment.data.eval_batch_size]
            fit.score(strategy, [int(index) for index in images])
            found["score"] = clock.seconds
    return found, steps


def fit_options(experiment: Experiment) -> dict[str, Any]:
    """Return the Trainer's options of a configuration, without what only watches the training."""
    options: dict[str, Any] = dict(experiment.fresh_parts().trainer)
    return {key: value for key, value in options.items() if key not in ("callbacks", "profiler")}
