"""The training methods that there are configs of, as their classes describe themselves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from al_lightning.config.layers import read_layers
from al_lightning.config.names import parts
from al_lightning.config.trusted_modules import import_from_here, only_from
from al_lightning.errors import UsageError
from al_lightning.training.base import TrainingModule

PREDICTS = {"classification": "image", "segmentation": "pixel"}
"""By task, what a network predicts a class for."""
Trainings = dict[str, type[TrainingModule]]


def training_methods(task: str, imports: Sequence[str] = ()) -> tuple[Trainings, list[str]]:
    """Return the training methods that fit a task, by the names of their configs, and a sentence on each left out.

    Args:
        task: "classification" or "segmentation".
        imports: modules that may be imported, besides this package's.
    """
    methods, notes = {}, []
    for name, path in parts("training").items():
        try:
            methods[name] = _class_of(path, imports)
        except UsageError as error:
            notes.append(f"The training method {name} is left out: {error}")
    return {name: one for name, one in methods.items() if one.serves in ("any", PREDICTS[task])}, notes


def _class_of(path: Path, imports: Sequence[str]) -> type[TrainingModule]:
    section = read_layers([path]).get("training")
    class_path = str(section.get("class_path") if isinstance(section, dict) else section)
    module, _, name = class_path.rpartition(".")
    only_from(imports, path)("training", class_path)
    import_from_here(module)
    method = getattr(sys.modules[module], name, None)
    if not (isinstance(method, type) and issubclass(method, TrainingModule)):
        raise UsageError(f"{path} names {class_path}, which is no training method.")
    return method
