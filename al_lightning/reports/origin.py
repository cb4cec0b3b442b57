"""The command that made a page's runs: what goes on with them is that command, not one for each run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

SEVERAL = ("reproduce", "demo", "compare")
"""Commands that make several runs, which continue when they are given again."""
COMPARED_SEEDS = 50
"""Seeds that `compare` makes by itself."""
READS_ONLY = ("--report-only", "--report_only")
"""Options with which such a command runs nothing."""


@dataclass(frozen=True)
class Origin:
    """A command that made all runs of a page.

    Attributes:
        words: of the command line.
        runs: names of the runs that the command can make.
    """

    words: tuple[str, ...]
    runs: tuple[str, ...] = ()

    @property
    def continues(self) -> bool:
        """Whether the same command goes on with the runs, and takes a number of seeds."""
        return self.words[0] == "al-lightning" and self.words[1:2] != () and self.words[1] in SEVERAL

    @property
    def usual_seeds(self) -> int:
        """How many seeds the command makes by itself, on features in minutes; 0 for commands that take long."""
        return COMPARED_SEEDS if self.continues and self.words[1] == "compare" else 0

    @property
    def line(self) -> str:
        """The command, for a shell."""
        return shlex.join(word for word in self.words if word not in READS_ONLY)

    def with_seeds(self, count: int) -> str:
        """Return the command that makes the runs of so many seeds."""
        return shlex.join([*_without(self.line, "--seeds"), "--seeds", str(count)])

    def running(self, method: str) -> str:
        """Return the command that makes a method's runs too, "random" or "random_uda"; "" where it cannot."""
        if not self.continues or not any(name.endswith(f"_{method}") for name in self.runs):
            return ""
        some = any(word.partition("=")[0] == "--only" for word in self.words)
        return f"{self.line} --only {shlex.quote(f'*_{method}')}" if some else self.line


def _without(line: str, option: str) -> Sequence[str]:
    """Return the words of a command without an option and its value."""
    words = shlex.split(line)
    while option in words:
        place = words.index(option)
        del words[place : place + 2]
    return [word for word in words if not word.startswith(f"{option}=")]
