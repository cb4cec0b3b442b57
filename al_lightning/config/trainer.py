"""What of Lightning's Trainer works here: the ranges of its numbers, precisions, and callbacks."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.callbacks import (
    EarlyStopping,
    GradientAccumulationScheduler,
    StochasticWeightAveraging,
)

from al_lightning.config.hints import imported
from al_lightning.config.own_code import class_paths
from al_lightning.errors import MOST, UsageError, require

PRECISIONS = (None, "32-true", "32", "bf16-mixed", "bf16", "16-mixed", "16")
"""What `trainer.precision` may be. Images are float32; the others change the type of the weights alone."""
REFUSED = {}


def check_precision(trainer: Any) -> None:
    """Raise UsageError where a precision cannot work here; before the typed parser, which lists all of Lightning's."""
    value = trainer.get("precision") if isinstance(trainer, Mapping) else None
    if value is not None and str(value) not in PRECISIONS:
        raise UsageError(
            f"trainer.precision is {value!r}; '32-true' (the default), 'bf16-mixed', or on a GPU '16-mixed' was expected."
        )
