"""The number of a fit's current step: one callback counts it and passes it on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer

from al_lightning.data.datamodule import PoolDataModule
from al_lightning.engine.stages import StageProgress
from al_lightning.progress import Reporter
from al_lightning.seeding import seed_of
from al_lightning.training.base import seed_global


class StepCallback(StageProgress):
    """Seeds each step, counts it, and passes the number to the module, the training streams and the reporter.

    It comes before all other callbacks, so that what these draw in a step is the same after a restart. Seeding once per
    epoch is not enough: the loader of a resumed epoch draws at another moment.
    """

    def __init__(self, reporter: Reporter, data: PoolDataModule) -> None:
        super().__init__(reporter)
        self.data = data
        self.done = 0

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        """Seed the step."""
        seed_step(pl_module.key, self.done, trainer.global_rank, pl_module.device)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *args: Any) -> None:
        """Count the step."""
        self.done += 1
        pl_module.step = self.done
        self.reporter.advance(self.done)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Send the streams to the next chunk."""
        self.data.seek(self.done)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the number of steps that are done."""
        checkpoint["al_step"] = self.done

    def on_load_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Go on with the step after the checkpoint's; Lightning makes the loaders later."""
        self.done = pl_module.step = int(checkpoint["al_step"])
        self.data.seek(self.done)


def seed_step(key: tuple[int, int, int], step: int, rank: int, device: torch.device) -> None:
    """Seed the global generators for a step of process `rank` on its device; the key is (seed, cycle, member)."""
    seed = seed_of("step", *key, step, rank)
    if device.type not in ("cpu", "cuda"):
        seed_global(seed)
        return
    # Not torch.manual_seed: for each kind of accelerator that is built in but asleep it formats the call stack, 1 ms.
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
