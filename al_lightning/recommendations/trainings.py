"""The training methods that there are configs of, as their classes describe themselves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from al_lightning.config.names import load, parts
from al_lightning.config.rebuild import PACKAGE, import_from_here
from al_lightning.errors import UsageError
from al_lightning.training.base import TrainingModule

PREDICTS = {"classification": "image", "segmentation": "pixel"}
"""By task, what a network predicts a class for."""


@dataclass(frozen=True)
class Training:
    """A training method.

    Attributes:
        name: of its config, as in the names of runs.
        description: how it trains: "supervised", "semi-supervised (UDA)".
        steps: of each fit, where its config says so; otherwise None.
    """

    name: str
    description: str
    steps: int | None


def training_methods(task: str, imports: Sequence[str] = ()) -> tuple[dict[str, Training], list[str]]:
    """Return the training methods that fit a task, by name, and a sentence on each that could not be looked at.

    Args:
        task: "classification" or "segmentation".
        imports: modules that may be imported, besides this package's.
    """
    methods, notes = {}, []
    for name, path in parts("training").items():
        content = load(path)
        try:
            method = _class_of(path, content.get("training"), imports)
        except UsageError as error:
            notes.append(f"The training method {name} is left out: {error}")
            continue
        if method.serves in ("any", PREDICTS[task]):
            methods[name] = Training(name, method.description(), content.get("steps"))
    return methods, notes


def _class_of(path: Path, section: object, imports: Sequence[str]) -> type[TrainingModule]:
    class_path = str(section.get("class_path") if isinstance(section, dict) else section)
    module, _, name = class_path.rpartition(".")
    if module.split(".")[0] != PACKAGE and module not in imports:
        raise UsageError(f"{path} names {class_path}; if you trust that class, add --import {module}.")
    import_from_here(module)
    method = getattr(sys.modules[module], name, None)
    if not (isinstance(method, type) and issubclass(method, TrainingModule)):
        raise UsageError(f"{path} names {class_path}, which is no training method.")
    return method
