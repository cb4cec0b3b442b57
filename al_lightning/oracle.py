"""Oracles label the chosen images: with the dataset's own labels (`Simulated`), or by people (`Files`). No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from al_lightning.errors import from_home, require_folder

__all__ = ["Files", "Labelled", "Oracle", "Pending", "Simulated"]


@dataclass(frozen=True)
class Labelled:
    """Labels are available.

    Attributes:
        indices: the labelled positions, in order; usually all that were asked for.
    """

    indices: list[int]


@dataclass(frozen=True)
class Pending:
    """Labels are awaited: the run stops with exit code 76, and the same command continues it once they are available.

    Attributes:
        message: one sentence for the user: the number of missing labels, and where to put them.
        labelled: the positions asked for that have labels already, in order.
    """

    message: str
    labelled: tuple[int, ...] = ()


class Oracle(ABC):
    """Labels images. After a restart it is asked again for the same images, and returns the same or more labels."""

    asks_people: ClassVar[bool] = False
    """Whether people label batches of images while the run waits, so that images may lack labels."""
    accept_partial: bool = False
    """Whether the run continues once a part of a batch is labelled."""

    def label_folder(self, run_dir: Path) -> Path:
        """Return the folder of the label store of a run; used where `asks_people`."""
        return run_dir / "labels"

    def set_label_probe(self, has_label: Callable[[int], bool]) -> None:  # noqa: B027 - most oracles need no probe
        """Set the function that says whether the image at a position has a label; used where `asks_people`."""

    @abstractmethod
    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Label images, in the order of selection; the initial set is labelled this way too."""


class Simulated(Oracle):
    """Reveals the dataset's labels."""

    def label(self, chosen: Sequence[int]) -> Labelled:
        """Return all chosen images as labelled."""
        return Labelled(list(chosen))


class Files(Oracle):
    """People label the images with other tools and import the labels as files.

    The run waits until all labels of a batch are in the label store or in the dataset itself.

    Args:
        labels: folder of the label store; RUN_DIR/labels by default. Runs of one dataset may share it, so that no image
            is labelled twice.
        accept_partial: continue once a part of a batch is labelled; the rest stays in the pool. By default the run
            waits for the whole batch.
    """

    asks_people: ClassVar[bool] = True

    def __init__(self, labels: str | None = None, accept_partial: bool = False) -> None:
        if labels:
            require_folder("oracle.labels", labels, "the folder of a label store")
        self.labels = labels
        self.accept_partial = accept_partial
        self._has_label: Callable[[int], bool] | None = None

    def label_folder(self, run_dir: Path) -> Path:
        """Return the folder of the label store."""
        return from_home("oracle.labels", self.labels) if self.labels else super().label_folder(run_dir)

    def set_label_probe(self, has_label: Callable[[int], bool]) -> None:
        """Set the function that says whether the image at a position has a label."""
        self._has_label = has_label

    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Return all chosen images as labelled once they are, else the labelled part as pending."""
        if self._has_label is None:
            raise RuntimeError("set_label_probe was not called")
        labelled = [int(index) for index in chosen if self._has_label(int(index))]
        if len(labelled) == len(chosen):
            return Labelled(labelled)
        missing = len(chosen) - len(labelled)
        return Pending(f"{missing} of {len(chosen)} images wait for their labels.", tuple(labelled))
