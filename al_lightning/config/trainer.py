"""What of Lightning's Trainer works here: the ranges of its numbers, precisions, and callbacks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import callbacks
from lightning.pytorch.callbacks import Callback

from al_lightning.config.hints import imported
from al_lightning.config.own_code import class_paths
from al_lightning.errors import MOST, UsageError, require

PRECISIONS = ("32-true", "32", "bf16-mixed", "bf16", "16-mixed", "16")
"""What `trainer.precision` may be. Images are float32; Lightning's other precisions give the weights another type."""
OWN_CHECKPOINTS = "a run writes its own checkpoints (--chunk) and keeps each cycle's weights (--keep)"
REFUSED: dict[type[Callback], str] = {
    callbacks.StochasticWeightAveraging: (
        "it leaves BatchNorm without statistics of images, which lightning.pytorch.callbacks.WeightAveraging averages"
    ),
    callbacks.GradientAccumulationScheduler: (
        "the learning rate would follow a part of its schedule only; give a larger --data.batch_size"
    ),
    callbacks.EarlyStopping: "a fit measures nothing that it could watch; --steps sets the length of fits",
    callbacks.Timer: "a fit has as many steps as --steps says, whatever the time",
    callbacks.ModelCheckpoint: OWN_CHECKPOINTS,
    callbacks.OnExceptionCheckpoint: OWN_CHECKPOINTS,
    callbacks.LearningRateFinder: "a run's learning rate is --training.optimizer.lr",
    callbacks.BatchSizeFinder: "a run's batch size is --data.batch_size",
    callbacks.BackboneFinetuning: (
        "it looks for another kind of module; --training.head_lr_factor gives the head a rate of its own"
    ),
    callbacks.ModelPruning: (
        "it prunes anew at each checkpoint (--chunk), and gives the weights back that a fit began with; a smaller "
        "network is --network"
    ),
    callbacks.ProgressBar: "a run shows its progress itself",
}
"""Callbacks that a fit does not work with, each tried, and the way out. Classes derived from them are refused, too."""


def check_precision(trainer: Any) -> None:
    """Check the precision, before the typed parser does, which would list all of Lightning's.

    Args:
        trainer: the section of a configuration, as files and command line give it.

    Raises:
        UsageError: the precision cannot work here.
    """
    value = trainer.get("precision") if isinstance(trainer, Mapping) else None
    if value is not None and str(value) not in PRECISIONS:
        raise UsageError(
            f"trainer.precision is {value!r}; '32-true' (the default), 'bf16-mixed', or on a GPU '16-mixed' was "
            "expected: images are float32, which weights of another type do not take."
        )


def check_trainer(trainer: Namespace | None) -> None:
    """Check the ranges of the Trainer's numbers, and its callbacks.

    Raises:
        UsageError: a number is out of range, or a fit does not work with a callback.
    """
    if trainer is None:
        return
    if trainer.gradient_clip_val is not None:
        require("trainer.gradient_clip_val", trainer.gradient_clip_val, least=0)
    require("trainer.num_nodes", trainer.num_nodes, least=1, most=MOST)
    with contextlib.suppress(ValueError, TypeError):  # a list of devices, or "auto"
        if (devices := int(trainer.devices)) != -1:
            require("trainer.devices", devices, least=1, most=1024)
    for path in class_paths(trainer.callbacks):
        named = imported(path)
        for broken, way in REFUSED.items():
            if isinstance(named, type) and issubclass(named, broken):
                raise UsageError(f"trainer.callbacks names {path}, which does not work here: {way}; leave it out.")
