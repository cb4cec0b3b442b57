"""Whether the parts of a fit go together: said before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from al_lightning.data.augmentation import Augmentation
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError
from al_lightning.training.base import TrainingModule

if TYPE_CHECKING:
    from al_lightning.config.experiment import Experiment


def check_parts(experiment: Experiment, module: TrainingModule) -> None:
    """Hold data, augmentation, task, network, training and strategy against each other.

    Raises:
        UsageError: two of them do not go together.
    """
    experiment.acquisition.check(module.network)
    data, task, unlabelled = experiment.data, module.task, experiment.data.unlabelled
    views = [view for view in (unlabelled.views or {}).values() if view is not None] if unlabelled else []
    labelled: list[PoolDataset | Augmentation] = [data, data.augmentation, *views]
    for part in labelled:
        if part.labels not in ("any", task.predicts):
            raise UsageError(
                f"{type(part).__name__} is made for a class per {part.labels}, but {type(task).__name__} is about a "
                f"class per {task.predicts}; name parts that fit."
            )
    given, wanted = unlabelled.names if unlabelled is not None else (), module.views
    if sorted(given) != sorted(wanted):
        raise UsageError(
            f"{type(module).__name__} trains on {_views(wanted)}, but data.unlabelled gives {_views(given)}; name a "
            "training method by its part of a run's name, which sets both (`al-lightning configs` lists them)."
        )
    if not module.automatic_optimization and experiment.trainer_options.get("gradient_clip_val"):
        raise UsageError(
            f"{type(module).__name__} steps its optimizers by hand, and trainer.gradient_clip_val is not for that; "
            "leave it out."
        )
    if experiment.warm_start == "backbone" and module.network.trunk() is None:
        raise UsageError(f"{type(module.network).__name__} has no separate backbone; use --warm_start all or none.")


def _views(names: tuple[str, ...]) -> str:
    return f"the views {' and '.join(names)} of unlabelled images" if names else "no unlabelled images"
