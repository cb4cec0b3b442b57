"""Progress of a run: its cycle, stage, metric and the time left. No torch."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from al_lightning.console import Bar, Display
from al_lightning.metrics import Metric

if TYPE_CHECKING:
    from rich.console import RenderableType

PROGRESS = "AL_PROGRESS"
"""Environment variable: the file into which a run writes its progress for a launcher."""
FILE_SECONDS = 2.0
"""Seconds between two writes of that file."""


def duration(seconds: float) -> str:
    """Return seconds as `1 h 05 min`, `3 min 20 s` or `12 s`."""
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of work outside a run on standard error.

    Yields:
        a function to call with (what, done, total).
    """
    with Display() as display:
        yield display.count


class Reporter(Display):
    """Shows the cycle, its number of labels, the metric of the last tested cycle, and the time left.

    The time left follows from the mean time of a step so far, and from the mean time per cycle of all other work.

    Args:
        shown: whether anything is printed; only one process of a run prints.
        stream: the output; standard error by default.
        file: file for other programs (see `write`), or None.
    """

    def __init__(self, shown: bool = True, stream: TextIO | None = None, file: Path | None = None) -> None:
        super().__init__(stream, shown)
        self._file = file
        self._written = -FILE_SECONDS
        self._title = ""
        self._metric = ""
        self._plan: list[int] = []
        self._cycles = 0
        self._first = self._cycle = 0
        self._fit_steps = self._skipped = self._before = 0
        self._fit_seconds = self._other_seconds = 0.0
        self._what, self._total, self._start, self._done = "", 0, 0.0, 0  # of the stage; no name between two stages
        self._alone = False

    def plan(self, steps: list[int], first: int) -> None:
        """Set the number of steps of each cycle's fits, and the first cycle that is not done."""
        self._plan, self._cycles, self._first = steps, len(steps) - 1, first

    def cycle(self, cycle: int, labelled: int) -> None:
        """Begin a cycle."""
        self._cycle = cycle
        self._title = f"cycle {cycle}/{self._cycles}, {labelled} labelled"

    def skip(self, steps: int) -> None:
        """Count the steps of a fit whose weights existed already."""
        self._skipped += steps

    def begin(self, what: str, total: int, done: int = 0, alone: bool = False) -> None:
        """Begin a stage of `total` steps or batches; an earlier process did `done` of them.

        A stage that is `alone` belongs to no cycle: it shows its own time left, and no estimate of a run counts it.
        """
        self.finish()
        self._alone = alone
        if not alone:
            self._skipped += done
        self._what, self._total, self._start = what, total, time.monotonic()
        self._done = self._before = done
        if self.live:
            self.draw(self._bar())
        elif self._fitting:
            self.say(f"{self._stage}, {total} steps{self._tail()}")
        self.write()

    def advance(self, done: int) -> None:
        """Set the number of steps or batches that are done."""
        self._done = done
        if self._file is not None and time.monotonic() - self._written >= FILE_SECONDS:
            self.write()
        self.show(self._bar, f"{self._stage}, {done} of {self._total}{self._tail()}")

    def finish(self) -> None:
        """End the stage."""
        if self._fitting:
            self._fit_steps += self._total - self._before
            self._fit_seconds += time.monotonic() - self._start
        elif self._what and not self._alone:
            self._other_seconds += time.monotonic() - self._start
        self._what, self._total = "", 0

    def result(self, metric: Metric, value: float) -> None:
        """Show the metric of this cycle, as the journal stores it."""
        self.finish()
        reached = f"{metric.name} {metric.text(value)}"
        self._metric = f"{reached} in cycle {self._cycle}"
        self.say(f"{self._title}: {reached}{self._tail(metric=False)}")
        self.write()

    def write(self) -> None:
        """Write the progress to `file`, completely or not at all; a failure to write is ignored.

        The file is JSON: `title` (cycle, labels, stage), `cycle` and the last one's number `cycles`, `done` and `total`
        steps or batches of the stage, `metric` of the last tested cycle as text, `fraction` of all fits' steps, and
        `seconds_left`, which may be null.
        """
        if self._file is None:
            return
        self._written = time.monotonic()
        now = {
            "title": self._stage if self._what else self._title,
            "cycle": self._cycle,
            "cycles": self._cycles,
            "done": self._done,
            "total": self._total,
            "metric": self._metric,
            "fraction": round(1 - self._steps_left() / max(1, sum(self._plan)), 4),
            "seconds_left": self.seconds_left(),
        }
        temporary = self._file.with_name(f".{self._file.name.lstrip('.')}.tmp")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps(now))
            os.replace(temporary, self._file)

    def seconds_left(self) -> float | None:
        """Return the estimated rest of the run in seconds; None before anything was measured."""
        steps, seconds = self._fit_steps + self._steps_now(), self._fit_seconds
        if self._fitting:
            seconds += time.monotonic() - self._start
        if not steps or seconds < 1:
            return None
        past = max(1, self._cycle - self._first)
        rest = self._other_seconds / past * max(0, self._cycles - self._cycle)
        return max(0.0, self._steps_left() * seconds / steps + rest)

    @property
    def _stage(self) -> str:
        return self._what if self._alone else f"{self._title}: {self._what}"

    @property
    def _fitting(self) -> bool:
        return self._what.startswith("fit")

    def _steps_now(self) -> int:
        """Return the steps that this process made in the current fit."""
        return self._done - self._before if self._fitting else 0

    def _steps_left(self) -> int:
        return sum(self._plan[self._first :]) - self._fit_steps - self._skipped - self._steps_now()

    def _bar(self) -> RenderableType:
        return Bar(self._stage, self._done, self._total, self._tail().removeprefix(", "))

    def _tail(self, metric: bool = True) -> str:
        if self._alone and self._what:
            made, seconds = self._done - self._before, time.monotonic() - self._start
            return f", {duration((self._total - self._done) * seconds / made)} left" if made and seconds >= 1 else ""
        left = self.seconds_left() if metric or self._cycle < self._cycles else None
        notes = [self._metric if metric else "", f"{duration(left)} left" if left is not None else ""]
        return "".join(f", {note}" for note in notes if note)
