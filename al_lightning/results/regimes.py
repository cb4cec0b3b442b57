"""What counts as a diverse or redundant pool, and as few or many labels: one definition for all that ask. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from al_lightning.results.forms import form
from al_lightning.yaml_files import read_yaml

Task = Literal["classification", "segmentation"]
TASKS: tuple[Task, Task] = ("classification", "segmentation")
POOLS, BUDGETS = ("diverse", "redundant"), ("few", "many")


@dataclass(frozen=True)
class Scale:
    """A measure with two classes and a grey zone between them.

    Attributes:
        low: values up to it may be `names[0]`.
        high: values from it on may be `names[1]`.
        names: of the classes.
    """

    low: float
    high: float
    names: tuple[str, str]

    def read(self, value: float | None) -> tuple[str, ...]:
        """Return the classes of a value: one name, or both in the grey zone and for an unknown value."""
        if value is None:
            return self.names
        first, second = value <= self.low or value < self.high, value >= self.high or value > self.low
        return tuple(name for name, may in zip(self.names, (first, second), strict=True) if may)


@dataclass(frozen=True)
class Regimes:
    """The scales by which pools and budgets are sorted.

    Attributes:
        redundancy: scale of the audit's score.
        labels: by task, scale of the labels of each class at the end.
        share: by task, scale of the labels as a share of the pool, for the tasks in which labels per class alone do not
            tell the paper's low budgets from its high ones.
    """

    redundancy: Scale
    labels: Mapping[str, Scale]
    share: Mapping[str, Scale]

    def budget(self, task: str, labels_per_class: float | None, share: float | None) -> tuple[str, ...]:
        """Return whether labels are few or many: one word, or both where the measures do not agree on one.

        Args:
            task: "classification" or "segmentation".
            labels_per_class: the labels at the end, divided by the number of classes; None where unknown.
            share: the labels at the end, as a share of the pool; None where unknown.
        """
        by_class = self.labels[task].read(labels_per_class)
        scale = self.share.get(task)
        if scale is None or labels_per_class is None:
            return by_class
        by_share = scale.read(share)
        return tuple(name for name in by_class if name in by_share) or BUDGETS


def regimes_of(content: Mapping[str, Any]) -> Regimes:
    """Return the scales of a rules file's content.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: an entry is missing or wrong.
    """
    given = content["thresholds"]
    redundancy, labels, share = given["redundancy"], given["labels_per_class"], given.get("share_of_pool", {})
    return Regimes(
        _scale(redundancy["diverse"], redundancy["redundant"], ("diverse", "redundant")),
        {task: _scale(labels[task]["few"], labels[task]["many"], ("few", "many")) for task in TASKS},
        {task: _scale(share[task]["few"], share[task]["many"], ("few", "many")) for task in TASKS if task in share},
    )


def read_regimes(path: Path) -> Regimes:
    """Read the scales of a rules file.

    Raises:
        UsageError: the file is missing, or has another form.
    """
    with rules_form(path):
        return regimes_of(read_yaml(path))


def rules_form(path: Path) -> AbstractContextManager[None]:
    """Return the answer to a rules file of another form."""
    return form(path, "a file of rules", "configs/rules.yaml")


def _scale(low: float, high: float, names: tuple[str, str]) -> Scale:
    if not 0 <= low <= high:
        raise ValueError(f"{names[0]} {low} lies above {names[1]} {high}")
    return Scale(float(low), float(high), names)
