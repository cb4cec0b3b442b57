"""Checkpoints that are complete or absent, and hold nothing that runs code."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO
from torch import Tensor, nn

from al_lightning.distributed.processes import Processes
from al_lightning.distributed.shutdown import AGAIN, shutdown
from al_lightning.errors import ALError, Interrupted, TrainingError
from al_lightning.runs.checks import check_health
from al_lightning.runs.seals import Seal, drop

KEPT = 2
"""Number of checkpoints of a running fit that are kept: if the last one is damaged, the one before is used."""


def save(content: dict[str, Any], path: Path, seal: Seal) -> None:
    """Write tensors and plain values, and their seal, atomically and durably."""
    seal.write(path, lambda file: torch.save(content, file))


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, without unpickling anything that could run code.

    Raises:
        ALError: the file was cut short or changed, or holds something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise ValueError("compressed, unlike torch.save's files; it may unpack to any size")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types here, with one meaning for the user
        raise ALError(f"{path} is damaged or gone; it was cut short, or changed.") from error
    if not isinstance(content, dict):
        raise ALError(f"{path} holds something else than a fit of this package writes.")
    return content


def save_weights(state: dict[str, Tensor], measures: dict[str, Any], path: Path, seal: Seal) -> None:
    """Write the weights of a finished fit, and its measures, which a test in another process needs.

    Raises:
        TrainingError: the weights are not finite.
    """
    if (name := _not_finite(state)) is not None:
        raise TrainingError(
            f"The fit ended with weights that are not finite ({name}), so that the network is useless; a smaller "
            "learning rate, or trainer.gradient_clip_val, keeps them finite."
        )
    save({"network": state, "measures": measures}, path, seal)


def weights_of(path: Path) -> dict[str, Tensor]:
    """Read the weights of a finished fit.

    Raises:
        ALError: the file is gone or damaged, or holds something else than finite weights.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights of a finished fit, and its measures."""
    content = load(path)
    weights, measures = content.get("network"), content.get("measures")
    if not isinstance(weights, dict) or not all(_is_plain(value, path) for value in weights.values()):
        raise ALError(f"{path} holds something else than the weights of a network.")
    if (name := _not_finite(weights)) is not None:
        raise ALError(f"{path} holds weights that are not finite ({name}); such a network is useless.")
    try:
        check_health(measures)
    except ValueError as error:
        raise ALError(f"{path} holds something else than the measures of a fit.") from error
    return weights, measures  # type: ignore[return-value]  # checked


def load_network(network: nn.Module, path: Path) -> dict[str, Any]:
    """Load the weights of a finished fit into a network, and return the fit's measures.

    Raises:
        ALError: the weights are gone, damaged, or of another network.
    """
    weights, measures = _read(path)
    try:
        network.load_state_dict(weights)
    except (RuntimeError, KeyError) as error:
        raise ALError(f"{path} holds the weights of another network than the configuration's.") from error
    return measures


def _is_plain(value: object, path: Path) -> bool:
    """Whether a value is a tensor no larger than its file: a tensor that repeats a number can claim any size."""
    return isinstance(value, Tensor) and value.layout == torch.strided and value.nbytes <= path.stat().st_size


def _not_finite(state: dict[str, Tensor]) -> str | None:
    """Return the name of a tensor that holds NaN or infinity, or None."""
    return next((name for name, value in state.items() if not bool(value.isfinite().all())), None)


def checkpoints(directory: Path) -> dict[int, Path]:
    """Return a fit's checkpoints by the number of steps done, latest first."""
    names = ((re.fullmatch(r"step_(\d+)\.ckpt", path.name), path) for path in directory.glob("step_*.ckpt"))
    return dict(sorted(((int(match[1]), path) for match, path in names if match), reverse=True))


def forget(directory: Path) -> None:
    """Delete a fit's checkpoints, with the optimizer's state, after its weights were written."""
    for path in checkpoints(directory).values():
        drop(path)


class DurableCheckpointIO(CheckpointIO):
    """Writes a temporary file beside the target, syncs and renames it, and syncs the folder.

    Lightning's own class goes through the temporary folder and, across file systems, a plain copy
    (Lightning-AI/pytorch-lightning#19970, #21253).
    """

    def __init__(self, seal: Seal) -> None:
        self.seal = seal

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            ALError: the checkpoint holds values that cannot be read again without running code.
        """
        save(checkpoint, Path(path), self.seal)
        if unsafe := torch.serialization.get_unsafe_globals_in_checkpoint(path):
            drop(Path(path))
            raise ALError(
                f"The state of the fit holds {', '.join(unsafe)}; callbacks and training methods may keep only tensors "
                "and plain values, which a restart can read."
            )

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint, always as with weights_only."""
        return load(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint, if it is there."""
        drop(Path(path))


class ChunkCheckpoint(Checkpoint):
    """Writes the fit's state after each chunk of steps, and when the run is asked to stop; keeps the last two.

    All processes of the run stop after the same step.
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

        A callback counts the steps; a fit that goes on is a new Trainer's first chunk. Lightning's counters would tie
        it to the chunks that it began with, and know nothing of one that ended early.
        """
        for name in ("loops", "hyper_parameters", "hparams_name", "datamodule_hyper_parameters"):
            checkpoint.pop(name, None)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore `trainer.global_step`, which callbacks may read."""
        loop = trainer.fit_loop.epoch_loop
        if pl_module.automatic_optimization:
            loop.automatic_optimization.optim_progress.optimizer.step.total.completed = checkpoint["global_step"]
        else:
            loop.manual_optimization.optim_step_progress.total.completed = checkpoint["global_step"]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Save with all processes, of which one writes. After the last chunk the weights are written instead."""
        if (events := getattr(trainer.logger, "experiment", None)) is not None:
            events.flush()  # the curves then reach as far as the checkpoint
        stop = self.processes.stop_now()
        if pl_module.step >= pl_module.steps:
            return
        trainer.save_checkpoint(self.directory / f"step_{pl_module.step}.ckpt")
        if trainer.is_global_zero:
            for path in list(checkpoints(self.directory).values())[KEPT:]:
                drop(path)
        # A request to stop during the writing takes effect after the next step.
        if stop:
            raise Interrupted(f"Stopped by {shutdown.asked or 'another process'}; {AGAIN}.")
