"""The types of the options of `fit`, for the parser and for the check of class paths."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Trainer

from al_lightning.acquisition.base import Acquisition
from al_lightning.config.fit_options import IN_FILES, FitOptions
from al_lightning.data.dataset import PoolDataset
from al_lightning.networks.base import Network
from al_lightning.oracle import Oracle
from al_lightning.pool import Budget
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingModule

TYPES: dict[str, Any] = {
    "data": PoolDataset,
    "task": Callable[[int], Task],
    "network": Callable[[int], Network],
    "training": Callable[[Network, Task, int, tuple[int, int, int]], TrainingModule],
    "acquisition": Acquisition,
    "oracle": Oracle,
    "budget": Budget,
    "trainer": Trainer,
    **{name: hint for name, hint in typing.get_type_hints(FitOptions).items() if name in IN_FILES},
}
"""By the names at the top of a configuration. A callable makes an object from what only the run knows."""
