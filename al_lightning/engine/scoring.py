"""Scoring a pool with a trained network: the same rows in a run and for one who asks a finished cycle again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.callback import AcquisitionCallback, Scorer
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.workers import of_workers
from al_lightning.distributed.shutdown import AGAIN
from al_lightning.errors import ALError, Interrupted, UsageError
from al_lightning.networks import folded
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.seeding import generator, seed_of
from al_lightning.training.base import seed_global
from al_lightning.types import Rows


class StageProgress(Callback):
    """Tells the reporter how far testing or scoring is."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch."""
        self.reporter.advance(batch_idx + 1)

    on_predict_batch_end = on_test_batch_end


def score(
    acquisition: Acquisition,
    network: Network,
    data: PoolDataset,
    pool: Pool,
    key: tuple[int, int, int],
    trainer: Trainer,
    reporter: Reporter,
    run: Callable[[Callable[[], object]], object],
    memory_format: torch.memory_format,
) -> tuple[Tensor, Tensor]:
    """Return positions and scores of the candidates (and the labelled, if read), gathered, ascending.

    A network that is `foldable` is scored by a folded copy.

    Args:
        acquisition: the strategy.
        network: trained.
        data: whose `train` is the pool.
        pool: what of it is labelled.
        key: (seed, cycle, member); every draw derives from it.
        trainer: does it, on its devices.
        reporter: shows progress.
        run: calls a stage, and turns what can go wrong in one into sentences.
        memory_format: of the images on the device.

    Returns:
        (N,) int64 positions and (N, K) float32.

    Raises:
        UsageError: there are no candidates.
    """
    images = list(acquisition.candidates(pool, generator("candidates", *key[:2])))
    if acquisition.reads_labelled:
        images += pool.labelled
    scored = PoolDataModule(data, pool, key, scoring=sorted(images), memory_format=memory_format)
    reporter.begin("score", -(-len(images) // (data.eval_batch_size * trainer.world_size)))
    callback = AcquisitionCallback(acquisition, generator("prepare", *key[:2]))
    trainer.callbacks.append(callback)  # type: ignore[attr-defined]
    seed_global(seed_of("score", *key))
    try:
        scorer = Scorer(folded(network), acquisition)
        run(lambda: trainer.predict(scorer, datamodule=scored, return_predictions=False, weights_only=True))
    finally:
        trainer.callbacks.remove(callback)  # type: ignore[attr-defined]
    reporter.finish()
    if callback.gathered is None:
        raise UsageError(f"{type(acquisition).__name__} named no candidates to score.")
    return callback.gathered


def unscored(acquisition: Acquisition, pool: Pool, seed: int, cycle: int) -> Rows:
    """Return the candidates of a strategy that needs no network."""
    candidates = acquisition.candidates(pool, generator("candidates", seed, cycle))
    return Rows.without_scores(torch.tensor(sorted(candidates), dtype=torch.int64))


def guarded(trainer: Trainer, stage: Callable[[], object], timeout: float) -> None:
    """Run a stage of a trainer; where signals are not ours, Lightning turns them into exits with codes 0 and 1.

    Args:
        trainer: it.
        stage: calls it.
        timeout: seconds that it waits for a batch.

    Raises:
        Interrupted: the stage was stopped from outside.
        ALError: the data could not be loaded.
    """
    try:
        stage()
        if trainer.received_sigterm:  # prediction does not stop by itself
            raise Interrupted(f"Interrupted; {AGAIN}.")
    except SystemExit as error:
        if trainer.interrupted or trainer.received_sigterm:
            raise Interrupted(f"Interrupted; {AGAIN}.") from error
        raise
    except Exception as error:
        if sentence := of_workers(error, timeout):
            raise ALError(sentence) from error
        # An error in a data worker comes back as its traceback, as text: the last line is what it was.
        if not str(error).startswith("Caught "):
            raise
        last = str(error).rstrip().rsplit("\n", 1)[-1]
        reason = last.partition(": ")[2] or last
        kind = type(error) if isinstance(error, ALError) else ALError
        raise kind(reason if isinstance(error, ALError) else f"Loading the data failed ({last}).") from error
