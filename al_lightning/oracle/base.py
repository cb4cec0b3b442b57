"""What every oracle is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


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
    """

    message: str


class Oracle(ABC):
    """Labels images. Asked again for the same images, after a restart, it gives the same answer or a later one."""

    @abstractmethod
    def label(self, chosen: Sequence[int]) -> Labelled | Pending:
        """Label images, in the order of selection; the initial set comes this way too."""
