"""The look at a run's data and parts, before anything is written: what does not go together, remarks, features."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.acquisition.scoring import check_enough
from al_lightning.config.experiment import Experiment
from al_lightning.config.own_code import digests
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.pool_split import Reading
from al_lightning.data.remarks import Remark
from al_lightning.distributed.processes import Processes
from al_lightning.engine.first_look import FirstLook
from al_lightning.engine.fit import AnyFit, Fit
from al_lightning.engine.inputs import check_encoders, encode_for
from al_lightning.errors import DatasetError, UsageError, printable
from al_lightning.features.make import find_or_make
from al_lightning.networks.base import Network, trained_on
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.journal import LONGEST_REMARK
from al_lightning.runs.store import RunStore
from al_lightning.seeding import generator, seed_of
from al_lightning.training.base import seed_global


@dataclass(frozen=True)
class Opened:
    """A run's data, looked at before anything is written.

    Attributes:
        pool: without labelled images.
        look: the look at files and labels.
        data_sha256: hash of what positions mean.
        trained: the training method's description of itself; "" where the run trained something already.
        remarks: on the data.
    """

    pool: Pool
    look: FirstLook
    data_sha256: str
    trained: str
    remarks: list[Remark]


def open_data(experiment: Experiment, store: RunStore, processes: Processes, reporter: Reporter) -> Opened:
    """Look at a run's data, and check that its parts go together; where it reads stored features, find or make them."""
    experiment.data.run_folder = store.directory
    experiment.data.take_split(processes.once(experiment.data.find_split, Reading(reporter.say, reporter.count)))
    look = FirstLook(experiment, store, reporter)
    processes.once(look.set_up)
    pool = experiment.data.pool()
    check_pool(experiment, pool)
    if who := _reads_groups(experiment):
        reporter.say(f"{who}: the first choice reads all {pool.size:,} images, to group near-duplicates")
    if (unlabelled := experiment.data.unlabelled) is not None:
        own = own_first(experiment, pool) if experiment.acquisition.one_fit else None
        last = experiment.budget.total_count(pool.size) if own is None else len(own)
        unlabelled.check(pool.size, last)
    data_sha256 = experiment.data.fingerprint()
    if not processes.all_agree(data_sha256):
        raise DatasetError(f"The processes see different images in {experiment.data.root}; all need the same data.")
    if not processes.all_agree(code := digests(experiment.own_code)):
        raise UsageError(f"The processes see different files of {' and '.join(code)}; all need the same code.")
    trained = ""
    if not processes.once(store.trained):
        # Parts that do not go together are reported before a journal is written, and before people label.
        some = range(min(first_count(experiment, pool), pool.size))
        with fresh_fit(experiment, pool.label(some), processes, reporter, Fit) as fit:
            trained = fit.module.description()
            if note := normalisation_note(fit.network, experiment.data):
                reporter.say(note)
    if not len(experiment.data.test):
        reporter.say("note: there is no test set: this run can choose images, but not say how good the model is")
    remarks = [*processes.once(experiment.data.remarks), *processes.once(look.files)]
    say(remarks, reporter)
    strategies = (experiment.initial, experiment.acquisition)
    if not look.finished:
        check_encoders(strategies, experiment, experiment.options.config, reporter.say)
    if experiment.reads_features and not look.finished:
        how = (experiment.trainer, experiment.memory_format, experiment.pretrained)
        experiment.data.features = find_or_make(experiment.data, encoder_of(experiment), processes, reporter, *how)
    if not look.finished:
        encode_for(strategies, experiment, experiment.options.config, processes, reporter)
    return Opened(pool, look, data_sha256, trained, remarks)


def check_pool(experiment: Experiment, pool: Pool) -> None:
    """Raise UsageError where budget, strategy or constraints do not go with a pool that has no labels yet."""
    if pool.size == 0 or not experiment.acquisition.one_fit:
        experiment.budget.check(pool.size)
    experiment.initial.check_pool(pool, first_count(experiment, pool))
    experiment.acquisition.check_pool(pool, experiment.budget.total_count(pool.size))
    strategy, count = experiment.acquisition, experiment.budget.query_count(pool.size)
    if strategy.narrowed_by and experiment.budget.cycles:
        check_enough(strategy, len(strategy.candidates(pool, generator("candidates", experiment.seed, 0))), count)
    if experiment.constraints.any:
        if experiment.acquisition.one_fit:
            name = type(experiment.acquisition).__name__
            raise UsageError(f"{name} chooses no batches, to which --constraints could apply.")
        for strategy in (experiment.initial, experiment.acquisition):
            check_constraints(experiment.constraints, strategy, experiment.data, pool)


def check_constraints(constraints: Constraints, strategy: Acquisition, data: PoolDataset, pool: Pool) -> None:
    """Raise UsageError where constraints do not go with the pool, or a strategy cannot keep to them."""
    if constraints.any and strategy.reads_labels and not strategy.keeps_limits:
        raise UsageError(
            f"{type(strategy).__name__} reads labels, and --constraints would show it images of the batch that have "
            "none as labelled; let it keep to rows.limits itself (Allowed), and say keeps_limits = True."
        )
    constraints.check(pool, data.names(range(pool.size)))


def _reads_groups(experiment: Experiment) -> str:
    """Return the first of a run's parts that needs the groups of near-duplicates; "" where none does."""
    if experiment.constraints.per_group is not None:
        return "--constraints.per_group"
    strategies = (experiment.initial, experiment.acquisition)
    return next((type(each).__name__ for each in strategies if each.reads_groups), "")


def normalisation_note(network: Network, data: PoolDataset) -> str:
    """Return a line where images are normalised in another way than those that the weights were trained on; else ""."""
    if (wanted := trained_on(network)) is None:
        return ""
    given = [values.flatten().tolist() for values in (data.mean, data.std)]
    if np.allclose(given, wanted, atol=0.005):
        return ""
    options = " ".join(
        f"--data.{name} '{[round(value, 4) for value in values]}'"
        for name, values in zip(("mean", "std"), wanted, strict=True)
    )
    return f"[!] the network's weights were trained on images that were normalised otherwise: {options}"


def encoder_of(experiment: Experiment) -> Network:
    """Return the network whose encoder makes a run's stored features: the same in each fit, and at each seed."""
    seed_global(seed_of("build", 0, 0, 0))
    return experiment.network(experiment.data.num_classes)


def say(remarks: Sequence[Remark], reporter: Reporter) -> None:
    """Print remarks on the data, a line each."""
    for remark in remarks:
        reporter.say(remark.line)


def warnings(remarks: Sequence[Remark]) -> list[str]:
    """Return the texts that a journal keeps: those of warnings, without what a class's name might break a line with."""
    return [printable(" ".join(remark.text.split()))[:LONGEST_REMARK] for remark in remarks if remark.warning]


F = TypeVar("F", bound=AnyFit)


@contextmanager
def fresh_fit(
    experiment: Experiment, pool: Pool, processes: Processes, reporter: Reporter, fit_of: Callable[..., F]
) -> Iterator[F]:
    """Build the first fit in a temporary folder: a check of its parts that writes nothing into the run directory.

    All processes of the run call this.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fit = fit_of(experiment, 0, 0, pool, Path(scratch) / "member_0", processes, reporter)
        yield fit
        fit.close()


def first_count(experiment: Experiment, pool: Pool) -> int:
    """Return how many labels the first fit has."""
    budget = experiment.budget
    return budget.total_count(pool.size) if experiment.acquisition.one_fit else budget.initial_count(pool.size)


def own_first(experiment: Experiment, pool: Pool) -> list[int] | None:
    """Return the strategy's own initial set, or None."""
    draw = generator("initial", experiment.seed)
    own = experiment.acquisition.initial(pool, first_count(experiment, pool), draw)
    return None if own is None else [int(index) for index in own]
