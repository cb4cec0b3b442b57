"""People, who label images elsewhere and bring the labels in as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from al_lightning.errors import from_home, require_folder
from al_lightning.oracle.base import Labelled, Oracle, Pending


class Files(Oracle):
    """Waits until the labels of a choice are there, in the label store or in the dataset itself.

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

    def answers(self, run_dir: Path) -> Path:
        """Return the folder of the label store."""
        return from_home("oracle.labels", self.labels) if self.labels else super().answers(run_dir)

    def look_by(self, has_label: Callable[[int], bool]) -> None:
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
