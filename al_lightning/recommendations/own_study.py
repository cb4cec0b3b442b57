"""What our own study found of strategies on features of a frozen encoder, for few labels. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from al_lightning.config.names import own_or_shipped
from al_lightning.results.forms import form
from al_lightning.results.regimes import TASKS
from al_lightning.results.series import BASELINE
from al_lightning.yaml_files import read_yaml

FILE = "own_study.yaml"


class Lead(NamedTuple):
    """Points ahead of Random, with a 95 % interval.

    Attributes:
        mean: over the seeds.
        low: lower end of the interval.
        high: upper end.
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.1f} ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True)
class OwnSetting:
    """What the study measured on one pool.

    Attributes:
        task: "classification" or "segmentation".
        data: the pool and its features, in words.
        labels: numbers of labels of the curve.
        classes: number of classes.
        starts: by name, the lead of a first batch over one of drawn images.
        strategies: by name, the lead over the whole curve.
    """

    task: str
    data: str
    labels: tuple[int, ...]
    classes: int
    starts: Mapping[str, Lead]
    strategies: Mapping[str, Lead]

    @property
    def reach(self) -> str:
        """The largest budget that the curve covers, in words."""
        most = self.labels[-1]
        return f"{most} labelled images" if self.many_classes else f"{most / self.classes:.3g} labels a class"

    @property
    def many_classes(self) -> bool:
        """Whether an image has many classes, so that its label is one for each of them."""
        return self.task == "segmentation"

    def covers(self, task: str, labels: int, classes: int | None) -> bool:
        """Whether a budget has as few labels as the curve's end, or fewer; not where that is unknown.

        Args:
            task: "classification" or "segmentation".
            labels: number of labelled images.
            classes: number of classes; None where unknown. Images with one class count for each of them.
        """
        if task != self.task or self.many_classes:
            return task == self.task and labels <= self.labels[-1]
        return classes is not None and labels / classes <= self.labels[-1] / self.classes

    def values(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "data": self.data,
            "labels": list(self.labels),
            "classes": self.classes,
            "starts": {name: lead._asdict() for name, lead in self.starts.items()},
            "strategies": {name: lead._asdict() for name, lead in self.strategies.items()},
            "best_start": best(self.starts),
            "best_strategy": best(self.strategies),
        }


def ahead(leads: Mapping[str, Lead]) -> dict[str, Lead]:
    """Return what is ahead of Random beyond noise, the largest mean first."""
    found = {name: lead for name, lead in leads.items() if lead.low > 0}
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))


def best(leads: Mapping[str, Lead]) -> str:
    """Return what is furthest ahead of Random; Random where nothing is ahead."""
    return next(iter(ahead(leads)), BASELINE)


def own_study() -> tuple[OwnSetting, ...]:
    """Return the settings of the study, from `configs/own_study.yaml` of the working directory or the package.

    Raises:
        UsageError: the file has another form.
    """
    return read_own_study(own_or_shipped(FILE))


def read_own_study(path: Path) -> tuple[OwnSetting, ...]:
    """Read the study's numbers.

    Raises:
        UsageError: the file cannot be read, or has another form.
    """
    with form(path, "what a study found of strategies", f"configs/{FILE}"):
        return tuple(map(_setting, read_yaml(path)["settings"]))


def _setting(value: Mapping[str, Any]) -> OwnSetting:
    setting = OwnSetting(
        str(value["task"]),
        str(value["data"]),
        tuple(map(int, value["labels"])),
        int(value["classes"]),
        _leads(value["starts"]),
        _leads(value["strategies"]),
    )
    if setting.task not in TASKS:
        raise ValueError(f"{setting.data} is for {setting.task}")
    return setting


def _leads(value: Mapping[str, Any]) -> dict[str, Lead]:
    return {str(name): Lead(*map(float, lead)) for name, lead in value.items()}
