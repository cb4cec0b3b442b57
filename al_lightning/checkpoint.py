"""Checkpoints that are whole or absent, and hold nothing that runs code."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO

from al_lightning.errors import ALError
from al_lightning.results.files import write_atomic


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
        raise ALError(f"{path} is damaged; delete it, and the same command makes it again.") from error
    return content


class DurableCheckpointIO(CheckpointIO):
    """Temporary file beside the target, fsync, rename, fsync of the folder.

    Lightning's own goes through the temporary folder and, across file systems, a plain copy
    (Lightning-AI/pytorch-lightning#19970, #21253).
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write a checkpoint."""
        save(checkpoint, Path(path))

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
    """Writes the fit's state after each chunk of steps.

    Args:
        path: of the checkpoint; each one replaces the last.
        chunk: steps of a chunk, kept with it: a fit goes on in the chunks that it began with.
    """

    def __init__(self, path: Path, chunk: int) -> None:
        self.path = path
        self.chunk = chunk

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the length of a chunk: Lightning counts chunks, not steps."""
        checkpoint["al_chunk"] = self.chunk

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save; every process takes part, one writes."""
        trainer.save_checkpoint(self.path)
