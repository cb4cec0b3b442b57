"""Checkpoints that are whole or absent, and hold nothing that runs code."""

from __future__ import annotations

import contextlib
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO

from al_lightning.errors import ALError, Interrupted
from al_lightning.guard import AGAIN, GUARD
from al_lightning.processes import Processes
from al_lightning.results.files import write_atomic

KEPT = 2
"""Checkpoints of a running fit that are kept: should the last one be damaged, the one before serves."""


def save(content: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values atomically and durably."""
    write_atomic(path, lambda file: torch.save(content, file))


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote; nothing that could run code is unpickled.

    Raises:
        ALError: the file is truncated or was changed.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types here; all of them mean the same to the user
        raise ALError(f"{path} is damaged or gone; it was cut short, or changed.") from error
    return content


def weights_of(path: Path) -> dict[str, Any]:
    """Read the weights of a finished fit.

    Raises:
        ALError: the file is gone, truncated or was changed.
    """
    if not is_whole(path):
        raise ALError(f"{path} is damaged or gone; it was cut short, or changed.")
    weights: dict[str, Any] = load(path)["network"]
    return weights


def is_whole(path: Path) -> bool:
    """Whether a checkpoint is as it was written; torch itself reads past flipped bits."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        return False


def checkpoints(directory: Path) -> dict[int, Path]:
    """Return a fit's checkpoints by the steps that were done, latest first."""
    found = {int(match[1]): path for path in directory.glob("step_*.ckpt") if (match := _NAME.fullmatch(path.name))}
    return dict(sorted(found.items(), reverse=True))


_NAME = re.compile(r"step_(\d+)\.ckpt")


def forget(directory: Path) -> None:
    """Delete a fit's checkpoints, once its weights are written: the optimizer's state goes with them."""
    for path in checkpoints(directory).values():
        path.unlink(missing_ok=True)


class DurableCheckpointIO(CheckpointIO):
    """Temporary file beside the target, fsync, rename, fsync of the folder.

    Lightning's own goes through the temporary folder and, across file systems, a plain copy
    (Lightning-AI/pytorch-lightning#19970, #21253).
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            ALError: it holds what could not be read again without running code.
        """
        save(checkpoint, Path(path))
        if unsafe := torch.serialization.get_unsafe_globals_in_checkpoint(path):
            Path(path).unlink()
            raise ALError(
                f"The state of the fit holds {', '.join(unsafe)}; what a callback or a training method keeps must be "
                "tensors and plain values, or a restart could not read it."
            )

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; always with weights_only."""
        return load(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()


class ChunkCheckpoint(Checkpoint):
    """Writes the fit's state after each chunk of steps, and when the run is asked to stop.

    Args:
        directory: where; the last two are kept.
        processes: those of the run; all of them stop after the same step.
    """

    def __init__(self, directory: Path, processes: Processes) -> None:
        self.directory = directory
        self.processes = processes

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End the chunk early when the run is asked to stop."""
        if self.processes.stop_after_this_step():
            trainer.should_stop = True

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Leave out Lightning's own counters, and what the configuration says anyway.

        The module counts steps; a fit that goes on is a new Trainer's first chunk. Lightning's counters would tie it
        to the chunks that it began with, and know nothing of one that ended early.
        """
        for name in ("loops", "hyper_parameters", "hparams_name", "datamodule_hyper_parameters"):
            checkpoint.pop(name, None)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Let `trainer.global_step` go on: callbacks may read it."""
        loop = trainer.fit_loop.epoch_loop
        if pl_module.automatic_optimization:
            loop.automatic_optimization.optim_progress.optimizer.step.total.completed = checkpoint["global_step"]
        else:
            loop.manual_optimization.optim_step_progress.total.completed = checkpoint["global_step"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Save; every process takes part, one writes. After the last chunk the weights themselves are written."""
        if (events := getattr(trainer.logger, "experiment", None)) is not None:
            events.flush()  # the curves are as far as the checkpoint
        stop = self.processes.stop_now()
        if pl_module.step >= pl_module.steps:
            return
        trainer.save_checkpoint(self.directory / f"step_{pl_module.step}.ckpt")
        if trainer.is_global_zero:
            for path in list(checkpoints(self.directory).values())[KEPT:]:
                path.unlink(missing_ok=True)
        # One that asks while the checkpoint is written is heard after the next step.
        if stop:
            raise Interrupted(f"Stopped by {GUARD.asked or 'another process'}; {AGAIN}.")
