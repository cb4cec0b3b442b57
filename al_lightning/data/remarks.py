"""What was assumed, inferred, left out or found when data were read, a sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from al_lightning.errors import printable


@dataclass(frozen=True)
class Remark:
    """A sentence about the data, for a run's first lines and for the audit.

    Attributes:
        text: the sentence.
        warning: whether it is a condition of every comparison with the run, `[!]`; the run's journal keeps it then.
    """

    text: str
    warning: bool = False

    @property
    def line(self) -> str:
        """The sentence with a mark, for a terminal."""
        return printable(f"[!] {self.text}" if self.warning else f"note: {self.text}")
