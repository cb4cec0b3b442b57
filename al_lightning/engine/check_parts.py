"""Whether the parts of a configuration go together: data, augmentation, task, network, training method, strategy."""

from __future__ import annotations

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.random import Balanced
from al_lightning.config.experiment import Experiment
from al_lightning.data.augmentation import Augmentation
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError
from al_lightning.training.base import TrainingModule


def check_parts(experiment: Experiment, module: TrainingModule) -> None:
    """Check that data, augmentation, task, network, training method and strategy go together.

    Raises:
        UsageError: two of them do not.
    """
    first = experiment.initial
    if not first.cold_start:
        raise UsageError(
            f"--initial {type(first).__name__} needs labels or a trained network, and before the first fit there are "
            "none; take a cold start, such as typiclust, or say cold_start = True in a class of your own."
        )
    if isinstance(experiment.acquisition, Balanced):
        raise UsageError("Balanced draws an initial set, by classes that are known; give --initial balanced.")
    for strategy in (first, experiment.acquisition):
        if strategy.needs_network and type(strategy).score is Acquisition.score:
            raise UsageError(f"{type(strategy).__name__} needs a network but defines no score(); define one.")
        strategy.check(module.evaluated)
        if module.reads_features:
            check_on_features(strategy)
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
    if not module.automatic_optimization and experiment.trainer.get("gradient_clip_val"):
        raise UsageError(
            f"{type(module).__name__} steps its optimizers by hand, which trainer.gradient_clip_val does not support; "
            "leave it out."
        )
    if experiment.options.warm_start == "backbone" and module.network.trunk() is None:
        raise UsageError(f"{type(module.network).__name__} has no separate backbone; use --warm_start all or none.")


def check_on_features(strategy: Acquisition) -> None:
    """Raise UsageError where a strategy cannot choose by a head on stored features alone."""
    if strategy.reads_pixels or strategy.members > 1:
        why = (
            "looks at the images themselves" if strategy.reads_pixels else "compares several networks, all of one head"
        )
        raise UsageError(
            f"{type(strategy).__name__} {why}, and a linear probe is fitted on stored features alone; take another "
            "strategy, or train the whole network."
        )


def _views(names: tuple[str, ...]) -> str:
    return f"the views {' and '.join(names)} of unlabelled images" if names else "no unlabelled images"
