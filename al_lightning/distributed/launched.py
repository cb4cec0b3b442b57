"""The processes that torchrun or srun started with this one, and the Trainer that fits them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from al_lightning.errors import UsageError, reason_of


def trainer_of(options: Mapping[str, Any], **more: Any) -> Trainer:
    """Return a new Trainer of the configuration's options, and of further ones, which this package sets.

    Raises:
        UsageError: Lightning refuses the options.
    """
    settings = {**options, **_started_outside(options), **more}
    if (environment := _environment()) is not None:
        settings["plugins"] = [*settings.get("plugins", ()), environment]
    try:
        trainer = Trainer(**settings)
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"Lightning's Trainer refuses the options under trainer: {reason_of(error)}.") from error
    asked = str(options.get("precision"))
    if asked.startswith("16") and trainer.precision != "16-mixed":  # Lightning takes another one, and only warns
        raise UsageError(
            f"trainer.precision {asked} needs a GPU; on the CPU give --trainer.precision bf16-mixed, or 32-true, the "
            "default."
        )
    return trainer


def _environment() -> ClusterEnvironment | None:
    """Return the cluster's environment where Lightning does not find the right one itself; else None."""
    if "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_NTASKS" not in os.environ:
        return None
    # Lightning's requeueing would save into the run directory from inside a signal handler; ours is exit code 75.
    return SLURMEnvironment(auto_requeue=False) if tasks_of_srun() > 1 else LightningEnvironment()


def tasks_of_srun() -> int:
    """Return the number of processes that srun started with this one; 1 where srun did not start it.

    SLURM_NTASKS alone does not tell: a batch script is one process whatever it says. So is the shell that salloc opens
    on clusters with LaunchParameters=use_interactive_step, which is a job step of one task.
    """
    environ = os.environ
    if "SLURM_STEP_ID" not in environ or environ.get("SLURM_STEP_NUM_TASKS") == "1":
        return 1
    return int(environ.get("SLURM_NTASKS", "1"))


def _started_outside(options: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of devices and nodes that torchrun or srun started; empty where neither did."""
    environ = os.environ
    if "TORCHELASTIC_RUN_ID" in environ:
        devices = int(environ["LOCAL_WORLD_SIZE"])
        nodes = int(environ["WORLD_SIZE"]) // devices
        who = "torchrun"
    elif (tasks := tasks_of_srun()) > 1:
        nodes = int(environ.get("SLURM_NNODES", "1"))
        devices = tasks // nodes
        environ.setdefault("SLURM_NTASKS_PER_NODE", str(devices))  # Lightning wants it
        who = "srun"
    else:
        return {}
    for name, value in (("devices", devices), ("num_nodes", nodes)):
        given = options.get(name)
        if given not in (None, "auto", 1, "1", value, str(value), -1, "-1"):
            raise UsageError(f"{who} started {name} = {value}, but --trainer.{name} is {given}; leave it out.")
    return {"devices": devices, "num_nodes": nodes}
