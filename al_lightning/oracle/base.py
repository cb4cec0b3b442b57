"""What every oracle is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


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

    def answers(self, run_dir: Path) -> Path:
        """Return the folder of the label store; for oracles that ask people.

        Args:
            run_dir: of the run.
        """
        return run_dir / "labels"

    def look_by(self, has_label: Callable[[int], bool]) -> None:  # noqa: B027 - most look nowhere
        """Be told how to see whether an image has its label by now; for oracles that ask people."""

    @abstractmethod
    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Label images, in the order of selection; the initial set comes this way too."""
