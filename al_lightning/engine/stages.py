"""The stages of a Trainer: their progress, their errors as sentences, and the scoring of images with a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.scoring import AcquisitionCallback, Scored, Scorer
from al_lightning.data.datamodule import PoolDataModule
from al_lightning.data.workers import loading_error
from al_lightning.distributed.launched import trainer_of
from al_lightning.distributed.shutdown import AGAIN
from al_lightning.errors import Interrupted
from al_lightning.networks import folded
from al_lightning.networks.base import Network
from al_lightning.progress import Reporter
from al_lightning.seeding import generator, seed_of
from al_lightning.training.base import seed_global


def stage_trainer(options: dict[str, Any], callbacks: Sequence[Callback], **more: Any) -> Trainer:
    """Return a new Trainer without a display of its own; the callbacks come before those of its `options`."""
    own = options.pop("callbacks", None) or []
    return trainer_of(
        options,
        callbacks=[*callbacks, *(own if isinstance(own, list) else [own])],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **more,
    )


class StageProgress(Callback):
    """Reports the batches of testing and scoring."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Count a batch."""
        self.reporter.advance(batch_idx + 1)

    on_predict_batch_end = on_test_batch_end


def score(
    acquisition: Acquisition,
    network: Network,
    data: PoolDataModule,
    trainer: Trainer,
    reporter: Reporter,
    run: Callable[[Callable[[], object]], object],
) -> Scored:
    """Return the scores of the images to score, gathered from all processes.

    A network that is `foldable` is scored by a folded copy.

    Every draw derives from the key of the loaders. `run` calls a stage of the trainer; see `guarded`.
    """
    reporter.begin("score", -(-len(data.scoring) // (data.dataset.eval_batch_size * trainer.world_size)))
    callback = AcquisitionCallback(acquisition, generator("prepare", *data.key[:2]))
    trainer.callbacks.append(callback)  # type: ignore[attr-defined]
    seed_global(seed_of("score", *data.key))
    try:
        scorer = Scorer(folded(network), acquisition, data.pool.labelled)
        run(lambda: trainer.predict(scorer, datamodule=data, return_predictions=False, weights_only=True))
    finally:
        trainer.callbacks.remove(callback)  # type: ignore[attr-defined]
    reporter.finish()
    return scorer.scored(*callback.gathered)


def guarded(trainer: Trainer, stage: Callable[[], object], timeout: float) -> None:
    """Run a stage of a trainer, and turn its errors into sentences.

    In a process whose signals this package does not handle, Lightning turns signals into exits with codes 0 and 1.
    `timeout` is the number of seconds that the stage waits for a batch.

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
        if (sentence := loading_error(error, timeout)) is None:
            raise
        raise sentence from error
