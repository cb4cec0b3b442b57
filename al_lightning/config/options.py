"""Every option of `fit` and its type: what the parser is made from, and what class paths are held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from lightning.pytorch import Trainer

from al_lightning.acquisition.base import Acquisition
from al_lightning.data.dataset import PoolDataset
from al_lightning.networks.base import Network
from al_lightning.oracle import Oracle
from al_lightning.pool import Budget
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingModule

# What of Lightning's Trainer a user may set; all else is the loop's own or has no meaning here.
TRAINER_OPTIONS = (
    "accelerator",
    "strategy",
    "devices",
    "num_nodes",
    "precision",
    "callbacks",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "deterministic",
    "benchmark",
    "sync_batchnorm",
    "detect_anomaly",
    "profiler",
)
ORACLES = {"simulated": "al_lightning.oracle.Simulated", "files": "al_lightning.oracle.Files"}
"""Who labels, by the names that a command line or a config may use for short."""
OPTIONS: dict[str, Any] = {
    "data": PoolDataset,
    "task": Callable[[int], Task],
    "network": Callable[[int], Network],
    "training": Callable[[Network, Task, int, tuple[int, int, int]], TrainingModule],
    "acquisition": Acquisition,
    "oracle": Oracle,
    "budget": Budget,
    "initial": Literal["random", "balanced", "spread"],
    "steps": int | None,
    "epochs": int | None,
    "chunk": int,
    "warm_start": Literal["none", "backbone", "all"],
    "share": str | None,
    "keep": Literal["all", "last", "none"],
    "channels_last": bool,
    "compile": Literal["none", "default", "reduce-overhead", "max-autotune"],
    "trainer": Trainer,
}
"""Of `budget` and `trainer`, the class whose own options these are."""
DEFAULTS: dict[str, Any] = {
    "oracle": {"class_path": ORACLES["simulated"]},
    "initial": "random",
    "steps": None,
    "epochs": None,
    "chunk": 500,
    "warm_start": "none",
    "share": None,
    "keep": "all",
    "channels_last": True,
    "compile": "none",
}
LENGTH = "A fit's length is --steps N, or --epochs E (steps = E x labelled // batch size); Lightning's own is derived."
