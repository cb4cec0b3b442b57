"""One network of one cycle: new objects that train, test and score it, and are then discarded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import Scored
from al_lightning.config.experiment import Experiment
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.distributed.malloc import keep_large_blocks
from al_lightning.distributed.processes import Processes
from al_lightning.distributed.shutdown import shutdown
from al_lightning.engine.check_parts import check_parts
from al_lightning.engine.compile import Compiling
from al_lightning.engine.stages import guarded, score, stage_trainer
from al_lightning.engine.steps import StepCallback
from al_lightning.errors import TrainingError
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.checkpoints import (
    ChunkCheckpoint,
    DurableCheckpointIO,
    checkpoints,
    forget,
    load_network,
    save_weights,
    weights_of,
)
from al_lightning.runs.seals import Seal, made_again
from al_lightning.seeding import seed_of
from al_lightning.tensorboard.events import drop_events
from al_lightning.training.base import TrainingModule, seed_global


class AnyFit(Protocol):
    """A fit as the loop uses it: `Fit`, or `FeatureFit` of the fast path."""

    key: tuple[int, int, int]
    started: bool
    health: dict[str, Any]
    network: Network

    @property
    def device(self) -> torch.device:
        """Where the network is trained and tested."""

    def warm_start(self, weights: Path, whole: bool) -> None:
        """Load the previous cycle's weights before training."""

    def train(self) -> None:
        """Train."""

    def test(self) -> dict[str, Any]:
        """Return the metrics on the test set."""

    def score(self, acquisition: Acquisition, images: list[int]) -> Scored:
        """Return the scores of images."""

    def close(self) -> None:
        """End what the fit holds open."""


class Fit:
    """Network, LightningModule, datamodule, Trainer, callbacks and logger of one (cycle, member): all new.

    A second `fit` on a used Trainer trains nothing and reports nothing (Lightning-AI/pytorch-lightning#9636), and
    callbacks keep their state from fit to fit.

    Args:
        experiment: the parsed configuration.
        cycle: number of the cycle.
        member: number of the network in an ensemble.
        pool: says which images are labelled.
        directory: folder of this fit: `weights.pt`, checkpoints during training, TensorBoard events.
        processes: the run's processes.
        reporter: shows progress.
        seal: writes and recognises the files in that folder; None where they belong to no run.

    Attributes:
        done: steps that an earlier process did; all of them where the weights exist.
        started: whether an earlier process trained this network, or a part of its steps.
        health: measures of whether training worked, of the fit, and once it was tested, of the test.
    """

    def __init__(
        self,
        experiment: Experiment,
        cycle: int,
        member: int,
        pool: Pool,
        directory: Path,
        processes: Processes,
        reporter: Reporter,
        seal: Seal | None = None,
    ) -> None:
        self.key = (experiment.seed, cycle, member)
        self.seal = seal or Seal()
        self.pool = pool
        self.directory = directory
        self.processes = processes
        self.reporter = reporter
        self.weights_path = directory / "weights.pt"
        self.steps = experiment.steps(len(pool.labelled))
        self.chunk = min(experiment.options.chunk, self.steps)
        # One process reads the folder: another machine's view of it may be some seconds old.
        self.trained, self.done = processes.once(self._earlier_work)
        self.started = self.trained or self.done > 0
        kept = experiment.reads_features  # an encoder with random weights is then the same in all fits and seeds
        seed_global(seed_of("build", *((0, 0, 0) if kept else self.key)))
        parts = experiment.fresh_parts()
        classes = experiment.data.num_classes
        self.memory_format = experiment.memory_format
        self.network: Network = parts.network(classes).to(memory_format=self.memory_format)
        self.compiling = Compiling(self.network, experiment.options.compile)
        self.module: TrainingModule = parts.training(self.network, parts.task(classes), self.steps, self.key)
        check_parts(experiment, self.module)
        if (features := experiment.data.features) is not None:
            self.module.layout = features[0].layout
        self.data = PoolDataModule(
            experiment.data, pool, self.key, self.steps, self.chunk, memory_format=self.memory_format
        )
        self.trainer = self._trainer(dict(parts.trainer))
        self.health: dict[str, Any] = {}
        if self.device.type == "cpu":
            keep_large_blocks()

    def _seed(self, stream: str) -> None:
        """Seed the global generators for other libraries; this package derives its generators from keys."""
        seed_global(seed_of(stream, *self.key))

    def _earlier_work(self) -> tuple[bool, int]:
        """Return whether the weights of an earlier process exist, and the steps of its last checkpoint.

        Damaged files are deleted, the user is told, and the steps that they covered are done again.
        """
        for path in [self.weights_path, *checkpoints(self.directory).values()]:
            if self.seal.drop_unfit(path):
                self.reporter.say(made_again(path))
        if self.weights_path.is_file():
            forget(self.directory)  # it may have been stopped between writing the weights and this
            return True, self.steps
        return False, next(iter(checkpoints(self.directory)), 0)

    def _trainer(self, options: dict[str, Any]) -> Trainer:
        several = self.processes.count > 1
        if several and self.module.leaves_parameters_unused and options.get("strategy") in (None, "auto", "ddp"):
            options["strategy"] = "ddp_find_unused_parameters_true"
        return stage_trainer(
            options,
            [StepCallback(self.reporter, self.data), ChunkCheckpoint(self.directory, self.processes)],
            # In chunks: max_steps would count each optimizer's steps (Lightning-AI/pytorch-lightning#17958).
            max_epochs=-(-(self.steps - self.done) // self.chunk),
            plugins=[DurableCheckpointIO(self.seal)],
            logger=self._logger(),
            default_root_dir=str(self.directory),
            log_every_n_steps=1,  # the modules write their own points; this avoids a warning
            limit_val_batches=0,
            num_sanity_val_steps=0,
        )

    def _logger(self) -> TensorBoardLogger | bool:
        """Return the logger of the training curves; after a restart no point appears twice.

        A new fit deletes the events of an earlier one. A continued fit hides the events after its checkpoint. A
        finished fit has no logger, since each use of a Trainer with a logger leaves an event file.
        """
        if self.trained:
            return False
        if self.done == 0 and self.processes.rank == 0:
            drop_events(self.directory)
        later = self.done + 1 if self.done else None
        return TensorBoardLogger(str(self.directory.parent), name="", version=self.directory.name, purge_step=later)

    @property
    def device(self) -> torch.device:
        """Where the network is trained and tested; between stages it is on the CPU."""
        return self.trainer.strategy.root_device

    def warm_start(self, weights: Path, whole: bool) -> None:
        """Load the previous cycle's weights before training: all of them if `whole`, else the backbone's."""
        state = weights_of(weights)
        if whole:
            self.network.load_state_dict(state)
            return
        trunk = self.network.trunk()
        if trunk is None:
            raise ValueError("this network has no trunk")
        names = {id(tensor): name for name, tensor in self.network.state_dict(keep_vars=True).items()}
        own = trunk.state_dict(keep_vars=True)
        trunk.load_state_dict({name: state[names[id(tensor)]] for name, tensor in own.items()})

    def train(self) -> None:
        """Train, or load the weights of a finished fit; a started fit continues from its last checkpoint."""
        if self.trained:
            self.health = load_network(self.network, self.weights_path)
            self.reporter.skip(self.steps)
            return
        member = self.key[2]
        self.reporter.begin(f"fit of member {member}" if member else "fit", self.steps, self.done)
        checkpoint = self.directory / f"step_{self.done}.ckpt" if self.done else None
        self._seed("fit")
        self.seal.check()
        for logger in self.trainer.loggers:  # opened later, it would create a deleted folder again
            _ = logger.experiment  # type: ignore[attr-defined]
        with shutdown.patience():
            self._guarded(
                lambda: self.trainer.fit(self.module, datamodule=self.data, ckpt_path=checkpoint, weights_only=True),
                training=True,
            )
            if self.module.step != self.steps:
                raise TrainingError(
                    f"The fit ended after {self.module.step} of {self.steps} steps; something stopped it."
                )
            self.health = self.module.fit_health()
            if self.processes.rank == 0:
                save_weights(self.network.state_dict(), self.health, self.weights_path, self.seal)
                forget(self.directory)
        self.reporter.finish()

    def test(self) -> dict[str, Any]:
        """Return the metrics of the last weights on the whole test set; an empty mapping without a test set."""
        if not len(self.data.dataset.test):
            return {}
        self.reporter.begin(
            "test", -(-len(self.data.dataset.test) // (self.data.dataset.eval_batch_size * self.trainer.world_size))
        )
        self._guarded(lambda: self.trainer.test(self.module, datamodule=self.data, verbose=False, weights_only=True))
        self.reporter.finish()
        self.health |= self.module.health
        return self.module.results

    def score(self, acquisition: Acquisition, images: list[int]) -> Scored:
        """Return the scores of images; see `stages.score`."""
        data = PoolDataModule(self.data.dataset, self.pool, self.key, scoring=images, memory_format=self.memory_format)
        return score(acquisition, self.module.evaluated, data, self.trainer, self.reporter, self._guarded)

    def _guarded(self, stage: Callable[[], object], training: bool = False) -> None:
        """Run a stage; an error of the compiler becomes a sentence."""
        try:
            with contextlib.nullcontext() if training else self.compiling.resting():
                guarded(self.trainer, stage, self.data.dataset.timeout)
        except Exception as error:
            self.compiling.explain(error)
            raise

    def close(self) -> None:
        """Close the event file."""
        with contextlib.suppress(Exception):
            for logger in self.trainer.loggers:
                logger.finalize("success")
