"""One network of one cycle: fresh objects that are trained, tested and scored, then forgotten."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.distributed.malloc import keep_large_blocks
from al_lightning.distributed.processes import Processes, trainer_of
from al_lightning.distributed.shutdown import GUARD
from al_lightning.engine.compile import Compiling
from al_lightning.engine.fit_check import check_parts
from al_lightning.engine.scoring import guarded, score
from al_lightning.engine.steps import StepCallback
from al_lightning.errors import TrainingError
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
from al_lightning.training.base import seed_global

if TYPE_CHECKING:
    from al_lightning.config.experiment import Experiment


class Fit:
    """Network, LightningModule, datamodule, Trainer, callbacks and logger of one (cycle, member): all new.

    A second `fit` on a used Trainer trains nothing and says nothing (Lightning-AI/pytorch-lightning#9636), and
    callbacks carry their state from fit to fit.

    Args:
        experiment: the parsed configuration.
        cycle: number of the cycle.
        member: number of the network in an ensemble.
        pool: what is labelled.
        directory: folder of this fit: `weights.pt`, checkpoints while it runs, TensorBoard events.
        processes: those of the run.
        reporter: shows progress.
        seal: of the files in that folder.

    Attributes:
        done: steps that an earlier process did; all of them where the weights are there.
        started: whether an earlier process trained this network, or began to.
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
        seal: Seal,
    ) -> None:
        self.key = (experiment.seed, cycle, member)
        self.seal = seal
        self.pool = pool
        self.directory = directory
        self.processes = processes
        self.reporter = reporter
        self.weights_path = directory / "weights.pt"
        self.steps = experiment.steps(len(pool.labelled))
        self.chunk = min(experiment.chunk, self.steps)
        # One process looks: another machine's view of the same folder may be some seconds old.
        self.trained, self.done = processes.once(self._look)
        self.started = self.trained or self.done > 0
        self._seed("build")
        parts = experiment.fresh_parts()
        classes = experiment.data.num_classes
        self.memory_format = torch.channels_last if experiment.channels_last else torch.contiguous_format
        self.network = parts.network(classes).to(memory_format=self.memory_format)
        self.compiling = Compiling(self.network, experiment.compile)
        self.module = parts.training(self.network, parts.task(classes), self.steps, self.key)
        check_parts(experiment, self.module)
        self.data = PoolDataModule(
            experiment.data, pool, self.key, self.steps, self.chunk, memory_format=self.memory_format
        )
        self.trainer = self._trainer(dict(parts.trainer), directory)
        if self.device.type == "cpu":
            keep_large_blocks()

    def _seed(self, stream: str) -> None:
        """Seed the global generators, for code that is not ours; ours takes keys."""
        seed_global(seed_of(stream, *self.key))

    def _look(self) -> tuple[bool, int]:
        """Return what earlier processes left: whether the weights are there, and the steps of the last checkpoint.

        Files whose seal does not fit are deleted, and named; what they held is made again.
        """
        for path in [self.weights_path, *checkpoints(self.directory).values()]:
            if self.seal.drop_unfit(path):
                self.reporter.say(made_again(path))
        if self.weights_path.is_file():
            return True, self.steps
        return False, next(iter(checkpoints(self.directory)), 0)

    def _trainer(self, options: dict[str, Any], directory: Path) -> Trainer:
        own = options.pop("callbacks", None) or []
        several = self.processes.count > 1
        if several and self.module.leaves_parameters_unused and options.get("strategy") in (None, "auto", "ddp"):
            options["strategy"] = "ddp_find_unused_parameters_true"
        return trainer_of(
            options,
            # In chunks: max_steps would count each optimizer's steps (Lightning-AI/pytorch-lightning#17958).
            max_epochs=-(-(self.steps - self.done) // self.chunk),
            callbacks=[
                StepCallback(self.reporter, self.data),
                ChunkCheckpoint(self.directory, self.processes),
                *(own if isinstance(own, list) else [own]),
            ],
            plugins=[DurableCheckpointIO(self.seal)],
            logger=self._logger(),
            default_root_dir=str(directory),
            log_every_n_steps=1,  # the modules write their own points; this only keeps a warning away
            limit_val_batches=0,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )

    def _logger(self) -> TensorBoardLogger | bool:
        """Return the logger of the training curves, such that no restart leaves a point twice.

        A fit that begins deletes what one before it wrote; one that goes on hides what came after its checkpoint; of
        one that is finished nothing is written, since each use of a Trainer with a logger leaves an event file.
        """
        if self.trained:
            return False
        if self.done == 0 and self.processes.rank == 0:
            drop_events(self.directory)
        later = self.done + 1 if self.done else None
        return TensorBoardLogger(str(self.directory.parent), name="", version=self.directory.name, purge_step=later)

    @property
    def device(self) -> torch.device:
        """Where the network is trained and tested; between stages it waits on the CPU."""
        return self.trainer.strategy.root_device

    @property
    def label(self) -> str:
        """What the fit is called in the progress line."""
        return f"fit of member {self.key[2]}" if self.key[2] else "fit"

    def warm_start(self, weights: Path, whole: bool) -> None:
        """Take the previous cycle's weights, of the backbone or of all, before training."""
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
        """Train, or load what a finished fit left behind; a started fit goes on from its last checkpoint."""
        if self.trained:
            load_network(self.network, self.weights_path)
            self.reporter.skip(self.steps)
            return
        self.reporter.begin(self.label, self.steps, self.done)
        checkpoint = self.directory / f"step_{self.done}.ckpt" if self.done else None
        self._seed("fit")
        self.seal.check()
        for logger in self.trainer.loggers:  # opened now: later one would make a folder anew that was deleted meanwhile
            _ = logger.experiment  # type: ignore[attr-defined]
        with GUARD.patience():
            self._guarded(
                lambda: self.trainer.fit(self.module, datamodule=self.data, ckpt_path=checkpoint, weights_only=True),
                training=True,
            )
            if self.module.step != self.steps:
                raise TrainingError(
                    f"The fit ended after {self.module.step} of {self.steps} steps; something stopped it."
                )
            if self.processes.rank == 0:
                save_weights(self.network.state_dict(), self.weights_path, self.seal)
                forget(self.directory)
        self.reporter.finish()

    def test(self) -> dict[str, Any]:
        """Return the metrics of the last weights on the whole test set; none where there is no test set."""
        if not len(self.data.dataset.test):
            return {}
        self.reporter.begin(
            "test", -(-len(self.data.dataset.test) // (self.data.dataset.eval_batch_size * self.trainer.world_size))
        )
        self._guarded(lambda: self.trainer.test(self.module, datamodule=self.data, verbose=False, weights_only=True))
        self.reporter.finish()
        return self.module.results

    def score(self, acquisition: Acquisition) -> tuple[Tensor, Tensor]:
        """Return positions, (N,) int64, and scores, (N, K) float32, of candidates; see `scoring.score`."""
        return score(
            acquisition,
            self.network,
            self.data.dataset,
            self.pool,
            self.key,
            self.trainer,
            self.reporter,
            self._guarded,
            self.memory_format,
        )

    def _guarded(self, stage: Callable[[], object], training: bool = False) -> None:
        """Run a stage; what goes wrong in compiling is said."""
        try:
            with contextlib.nullcontext() if training else self.compiling.resting():
                guarded(self.trainer, stage, self.data.dataset.timeout)
        except Exception as error:
            self.compiling.explain(error)
            raise

    def close(self) -> None:
        """Let go of the event file."""
        with contextlib.suppress(Exception):
            for logger in self.trainer.loggers:
                logger.finalize("success")
