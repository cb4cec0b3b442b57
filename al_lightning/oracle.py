"""Who labels the chosen images: the dataset's own labels (`Simulated`), or people (`Files`). No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from al_lightning.errors import from_home, require_folder


@dataclass(frozen=True)
class Labelled:
    """The labels are there.

    Attributes:
        indices: what was labelled, in order; usually all that was asked for.
    """

    indices: list[int]


@dataclass(frozen=True)
class Pending:
    """The labels are awaited; the run stops with exit code 76, and the same command goes on once they are there.

    Attributes:
        message: one sentence for the user: how many are missing, and where they are wanted.
        labelled: of what was asked for, what has its label already, in order.
    """

    message: str
    labelled: tuple[int, ...] = ()


class Oracle(ABC):
    """Labels images. Asked again for the same images, after a restart, it gives the same answer or a later one."""

    asks_people: ClassVar[bool] = False
    """Whether images may lack labels, which people give while the run waits: it hands out batches then."""
    accept_partial: bool = False
    """Whether a batch that was handed out is taken as it is once a part of it is labelled."""

    def label_folder(self, run_dir: Path) -> Path:
        """Return the folder of the label store; for oracles that ask people.

        Args:
            run_dir: of the run.
        """
        return run_dir / "labels"

    def set_label_probe(self, has_label: Callable[[int], bool]) -> None:  # noqa: B027 - most look nowhere
        """Be told how to see whether an image has its label by now; for oracles that ask people."""

    @abstractmethod
    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Label images, in the order of selection; the initial set comes this way too."""


class Simulated(Oracle):
    """Reveals labels that the dataset has all along."""

    def label(self, chosen: Sequence[int]) -> Labelled:
        """Answer at once."""
        return Labelled(list(chosen))


class Files(Oracle):
    """People label the images elsewhere and bring the labels in as files.

    Waits until the labels of a choice are there, in the label store or in the dataset itself.

    Args:
        labels: folder of the label store; RUN_DIR/labels by default. Runs of one dataset may share one, so that no
            image is labelled twice.
        accept_partial: go on with the labels that are there once a batch was handed out and a part of it is labelled;
            the rest stays in the pool. By default a batch is awaited until it is whole.
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
        """Be told how to see whether an image has its label by now."""
        self._has_label = has_label

    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Look which labels are there; those of all of a choice, or the run waits."""
        if self._has_label is None:
            raise RuntimeError("the oracle was not told where to look for labels")
        labelled = [int(index) for index in chosen if self._has_label(int(index))]
        if len(labelled) == len(chosen):
            return Labelled(labelled)
        missing = len(chosen) - len(labelled)
        return Pending(f"{missing} of {len(chosen)} images wait for their labels.", tuple(labelled))
