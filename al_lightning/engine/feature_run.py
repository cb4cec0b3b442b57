"""Runs of linear probes without Lightning: the same loop and the same journal, on stored features in memory."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import Scored, Scorer, in_order
from al_lightning.config.experiment import Experiment
from al_lightning.config.rebuild import Reopened
from al_lightning.data.feature_batches import PaddedFeatures, StoredFeatures, batch_size_of, feature_batch
from al_lightning.data.images import Array, Images
from al_lightning.data.pool_split import write_split
from al_lightning.distributed.processes import Processes
from al_lightning.engine.initial_set import draw_first
from al_lightning.engine.loop import cycles
from al_lightning.errors import ALError, UsageError
from al_lightning.networks.base import Network
from al_lightning.networks.from_features import FromFeatures
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import JOURNAL, CycleRecord, Run, RunRecord, read_run
from al_lightning.runs.journal_lines import text_of
from al_lightning.runs.store import SPLIT, RunStore
from al_lightning.seeding import generator, seed_of
from al_lightning.tensorboard.writer import Boards
from al_lightning.training.base import seed_global
from al_lightning.training.measures import ImageCounts, count_predictions, measures_of_test
from al_lightning.training.probe import Probe, fit_probe
from al_lightning.types import Batch

ROOM = 500_000_000
"""Bytes of a test set's features that are kept in memory."""


class KeptLabels(Images):
    """A set whose labels are read once and kept; its images are not read.

    Args:
        images: the set.
    """

    def __init__(self, images: Images) -> None:
        self.images = images
        self._labels: dict[int, int | Array] = {}

    def __len__(self) -> int:
        return len(self.images)

    def image(self, index: int) -> Array:
        """Return the image."""
        return self.images.image(index)

    def label(self, index: int) -> int | Array:
        """Return the label."""
        if index not in self._labels:
            self._labels[index] = self.images.label(index)
        return self._labels[index]

    def name(self, index: int) -> str:
        """Return the image's name."""
        return self.images.name(index)


def probe_of(experiment: Experiment | Reopened) -> Probe:
    """Return the linear probe of an experiment, with its network.

    Raises:
        UsageError: the training method is another one.
    """
    seed_global(seed_of("build", 0, 0, 0))
    parts, data = experiment.fresh_parts(), experiment.data
    task = experiment.task(data.num_classes)
    module = parts.training(parts.network(data.num_classes), task, 1, (experiment.seed, 0, 0))
    if type(module) is not Probe:
        raise UsageError(f"{type(module).__name__} is not the linear probe, which alone runs on stored features.")
    return module


class FeatureRuns:
    """Makes runs that differ in the strategy and the seed alone, one after the other in this process.

    Args:
        experiment: the configuration of one of them; its training method is `Probe`, and its data have features.
    """

    def __init__(self, experiment: Experiment | Reopened) -> None:
        data = experiment.data
        assert data.features is not None
        self.data = data
        self.task = experiment.task(data.num_classes)
        self.train: StoredFeatures = data.features[0]
        self.test: StoredFeatures = data.features[1]
        self.images = KeptLabels(data.train), KeptLabels(data.test)
        module = probe_of(experiment)
        self.options, network = module.options, module.network
        trunk = network.trunk()
        # The encoder is not needed, and is the largest part.
        memo: dict[int, Any] = {} if trunk is None else {id(trunk): nn.Identity()}
        self._network = FromFeatures(copy.deepcopy(network, memo), self.train.layout).eval()

    @property
    def network(self) -> FromFeatures:
        """A new network without an encoder."""
        return copy.deepcopy(self._network)

    def batches(self, side: int, indices: Sequence[int], labels: bool) -> PaddedFeatures:
        """Return the batches that a run's loaders have, of the training set (0) or the test set (1)."""
        stored = self.train if side == 0 else self.test
        size = batch_size_of(stored, self.data.eval_batch_size)
        return PaddedFeatures(stored, self.images[side], indices, size, labels)

    @cached_property
    def tested(self) -> PaddedFeatures | list[Batch]:
        """All batches of the test set; in memory where there is room, since every fit needs them."""
        batches = self.batches(1, range(len(self.test)), True)
        if len(self.test) * self.test.layout.width * 4 > ROOM:
            return batches
        return [batches[number] for number in range(len(batches))]

    def run(self, experiment: Experiment, record: RunRecord, reporter: Reporter) -> Run:
        """Make a run and write its directory, whole; one that is there is an error.

        Args:
            experiment: its configuration, with the seed and the directory of the run.
            record: the first line of its journal.
            reporter: gets what the run says, such as notes of its choices.
        """
        store, processes = RunInMemory(Run(experiment.run_dir, record)), Processes()
        pool = self.data.pool()
        experiment.budget.check(pool.size)
        experiment.acquisition.check_pool(pool, experiment.budget.total_count(pool.size))
        fit = self.fit
        first = draw_first(experiment, pool, processes, reporter, fit).indices
        store.label_initial(first)
        boards = Boards(store.directory, self.data, {}, reporter.say, writes=False)
        last = 0 if experiment.acquisition.one_fit else experiment.budget.cycles
        cycles(experiment, store, processes, reporter, pool.label(first), range(last + 1), boards, fit_of=fit)
        store.write(experiment)
        return store.read()

    def fit(self, experiment: Experiment, cycle: int, member: int, pool: Pool, *others: object) -> FeatureFit:
        """Return a fit; the arguments are those of `Fit`."""
        return FeatureFit(self, (experiment.seed, cycle, member), pool)


class FeatureFit:
    """A fit of the linear probe, with its test and scores, as `Fit` but without Lightning and files."""

    def __init__(self, runs: FeatureRuns, key: tuple[int, int, int], pool: Pool) -> None:
        self.runs = runs
        self.started = False
        self.device = torch.device("cpu")
        self.key = key
        self.pool = pool
        self.head = runs.network
        self.network: Network = self.head
        self.health: dict[str, Any] = {}

    def warm_start(self, weights: Path, whole: bool) -> None:
        """Refuse: a convex fit does not depend on where it starts.

        Raises:
            UsageError: always.
        """
        raise UsageError("A linear probe does not depend on where its fit starts; leave out warm_start.")

    @torch.no_grad()
    def train(self) -> None:
        """Fit the head."""
        runs = self.runs
        batch = feature_batch(runs.train, runs.images[0], sorted(self.pool.labelled), labels=True)
        _, self.health = fit_probe(self.head, batch, runs.task, self.key, runs.options)

    @torch.no_grad()
    def test(self) -> dict[str, Any]:
        """Return the metrics on the whole test set; an empty mapping without a test set."""
        task, confusion, counts = self.runs.task, self.runs.task.confusion(), ImageCounts()
        batches = self.runs.tested
        if not len(batches):
            return {}
        for number in range(len(batches)):
            batch = batches[number]
            if task.counts_images:
                counts.make_room(len(batches) * len(batch.index), task.num_classes, batch.index)
            count_predictions(self.network, batch, task, confusion, counts)
        matrix = confusion.compute()
        self.health |= measures_of_test(task, matrix, counts.gathered(1, lambda tensor: tensor), self.key)
        return task.summary(matrix)

    @torch.no_grad()
    def score(self, acquisition: Acquisition, images: list[int]) -> Scored:
        """Return the scores of images."""
        acquisition.prepare(self.network, generator("prepare", *self.key[:2]))
        batches = self.runs.batches(0, images, False)
        scorer = Scorer(self.network, acquisition, self.pool.labelled)
        values = [scorer.predict_step(batches[number], number) for number in range(len(batches))]
        return scorer.scored(*in_order(torch.from_numpy(batches.batches).flatten(), torch.cat(values)))

    def close(self) -> None:
        """Hold nothing open."""


class RunInMemory(RunStore):
    """A run that is kept in memory, and written whole when it ends: its configuration, its journal and its split.

    Args:
        run: the run, without an initial set.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run.directory, writes=False)
        self.run = run

    def read(self) -> Run:
        """Return the run so far."""
        return self.run

    def label_initial(self, initial: list[int]) -> None:
        """Keep the initial set."""
        self.run = replace(self.run, initial=initial)

    def append(self, record: CycleRecord) -> None:
        """Keep a finished cycle."""
        self.run = replace(self.run, cycles=(*self.run.cycles, record))

    def begin_fit(self, cycle: int, member: int) -> str:
        """Make nothing: a fit has no files."""
        return ""

    def drop_unfit(self, cycle: int, members: int, count: int) -> list[Path]:
        """Find nothing."""
        return []

    def still_ours(self) -> None:
        """Do nothing: there is no directory yet."""

    def write(self, experiment: Experiment) -> None:
        """Write the directory: all of it or nothing; one that is there stays."""
        final = self.directory
        folder = final.with_name(f".{final.name}.{os.getpid()}.tmp")
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_text(folder / JOURNAL, text_of(self.run.records))
            write_text(folder / "config.yaml", yaml.safe_dump(experiment.plain, sort_keys=False))
            if (split := experiment.data.find_split()) is not None:
                write_split(folder / SPLIT, split)
            folder.rename(final)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if not self._made_meanwhile():
                raise ALError(f"The run {final} cannot be written ({error.strerror or error}).") from error

    def _made_meanwhile(self) -> bool:
        """Whether another process, such as another comparison, has made the same run since this one began."""
        try:
            there = read_run(self.directory).record
        except ALError:
            return False
        return replace(there, command=[]) == replace(self.run.record, command=[])
