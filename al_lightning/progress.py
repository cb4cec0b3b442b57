"""Progress of a run: its cycle, stage, metric and the time left. No torch."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
FIT = "fit"
"""The stage of training; what stages of further members are called begins with it."""
Span = tuple[float, float]
"""Least and most seconds; equal where they follow from what was timed."""


def duration(seconds: float) -> str:
    """Return seconds as `1 h 05 min`, `3 min 20 s` or `12 s`."""
    seconds = round(seconds)
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 60} min {seconds % 60:02d} s" if seconds >= 60 else f"{seconds} s"


def span(seconds: Span) -> str:
    """Return least and most seconds as `12 to 20 min`; ends that read alike as one duration."""
    low, high = seconds
    for unit, size, digits in (("h", 3600, 1), ("min", 60, 0), ("s", 1, 0)):
        if high >= 1.5 * size:
            ends = [f"{end / size:.{digits if end < 10 * size else 0}f}".removesuffix(".0") for end in seconds]
            if ends[0] == ends[1] or high - low < high / 20:
                break
            return f"{ends[0]} to {ends[1]} {unit}" if ends[0] != "0" else f"up to {ends[1]} {unit}"
    return duration((low + high) / 2)


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

    The time left follows from the seconds that a step, and a batch of testing and scoring, took so far. Before the
    first batch was timed, it is a range.

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
        self._plan: dict[str, Sequence[int]] = {FIT: ()}
        self._in_steps: Mapping[str, Span] = {}
        self._expected: Mapping[str, float] = {}
        self._cycles = 0
        self._first = self._cycle = 0
        self._skipped = self._before = 0
        self._units: Counter[str] = Counter()  # that were timed, by stage
        self._seconds: dict[str, float] = {}
        self._in_cycle: Counter[str] = Counter()  # that are done in this cycle, by stage
        self._what, self._total, self._start, self._done = "", 0, 0.0, 0  # of the stage; no name between two stages
        self._alone = False
        self._marks = [(0, 0.0)] * 2  # of the stage: units and time at two points, each twice as far as the one before

    def plan(
        self,
        steps: Sequence[int],
        first: int,
        batches: Mapping[str, Sequence[int]] | None = None,
        in_steps: Mapping[str, Span] | None = None,
    ) -> None:
        """Set what each cycle has to do.

        Args:
            steps: number of steps of each cycle's fits.
            first: the first cycle that is not done.
            batches: by stage ("test", "score"), number of batches of each cycle.
            in_steps: by stage, how many steps of a fit a batch costs, at least and at most, until one is timed. Without
                it, the time left is not known until then.
        """
        self._plan, self._cycles, self._first = {FIT: steps, **(batches or {})}, len(steps) - 1, first
        self._cycle, self._in_steps = first, in_steps or {}
        self._units.clear()
        self._seconds.clear()

    @property
    def heard(self) -> bool:
        """Whether anybody sees what is reported."""
        return self.shown or self._file is not None

    def expect(self, seconds: Mapping[str, float]) -> None:
        """Set how long a step, and a batch of other stages, took in a trial or in earlier cycles; by stage."""
        self._expected = seconds

    def cycle(self, cycle: int, labelled: int) -> None:
        """Begin a cycle."""
        self._cycle = cycle
        self._in_cycle.clear()
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
        self._skipped += done if what.startswith(FIT) else 0
        self._what, self._total, self._start = what, total, time.monotonic()
        self._done = self._before = done
        self._marks = [(done, self._start)] * 2
        if self.live:
            self.draw(self._bar())
        elif self._fitting:
            self.say(f"{self._text}{f', {total} steps' * (total > 1)}{self._tail()}")  # a probe has one fit, no steps
        self.write()

    def advance(self, done: int) -> None:
        """Set the number of steps or batches that are done."""
        self._done = done
        if done - self._before >= 2 * (self._marks[1][0] - self._before) + 2:
            self._marks = [self._marks[1], (done, time.monotonic())]
        if self._file is not None and time.monotonic() - self._written >= FILE_SECONDS:
            self.write()
        self.show(self._bar, f"{self._text}, {done} of {self._total}{self._tail()}")

    def finish(self) -> None:
        """End the stage."""
        if (stage := self._stage) and not self._alone:
            self._units[stage] += self._total - self._before
            self._in_cycle[stage] += self._total
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.monotonic() - self._start
        if self._alone:
            self.draw("")  # no other stage follows that would replace it
        self._what, self._total, self._alone = "", 0, False

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
        `seconds_left`, the least and the most, or null.
        """
        if self._file is None:
            return
        self._written = time.monotonic()
        now = {
            "title": self._text if self._what else self._title,
            "cycle": self._cycle,
            "cycles": self._cycles,
            "done": self._done,
            "total": self._total,
            "metric": self._metric,
            "fraction": round(1 - self._left(FIT) / max(1, sum(self._plan[FIT])), 4),
            "seconds_left": self.seconds_left(),
        }
        temporary = self._file.with_name(f".{self._file.name.lstrip('.')}.tmp")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps(now))
            os.replace(temporary, self._file)

    def seconds_left(self) -> Span | None:
        """Return the estimated rest of the run; None before anything is known."""
        step = self._seconds_of(FIT)
        if step is None:
            return None
        low = high = self._left(FIT) * step
        for stage in self._plan.keys() - {FIT}:
            timed = self._seconds_of(stage)
            if timed is None and stage not in self._in_steps:
                if self._left(stage):
                    return None
                continue
            ends = tuple(each * step for each in self._in_steps[stage]) if timed is None else (timed, timed)
            low, high = low + self._left(stage) * ends[0], high + self._left(stage) * ends[1]
        return low, high

    @property
    def _stage(self) -> str:
        return FIT if self._fitting else self._what

    @property
    def _text(self) -> str:
        return self._what if self._alone else f"{self._title}: {self._what}"

    @property
    def _fitting(self) -> bool:
        return self._what.startswith(FIT)

    def _seconds_of(self, stage: str) -> float | None:
        """Return the seconds of one step or batch: as timed here, else as expected, else None."""
        if self._units[stage] and (stage != FIT or self._seconds[FIT] >= 1):
            return self._seconds[stage] / self._units[stage]
        if stage == self._stage and time.monotonic() - self._start >= 1:
            done, since = self._marks[0]  # not from the start: the first steps start workers and read files
            if self._done > done:
                return (time.monotonic() - since) / (self._done - done)
        return self._expected.get(stage)

    def _left(self, stage: str) -> int:
        """Return the steps or batches of a stage that are still to do."""
        plan, now = self._plan[stage], self._done if stage == self._stage else 0
        if stage == FIT:
            fresh = now - self._before if self._fitting else 0
            return sum(plan[self._first :]) - self._units[FIT] - self._skipped - fresh
        return sum(plan[self._cycle + 1 :]) + max(0, sum(plan[self._cycle :][:1]) - self._in_cycle[stage] - now)

    def _bar(self) -> RenderableType:
        return Bar(self._text, self._done, self._total, self._tail().removeprefix(", "))

    def _tail(self, metric: bool = True) -> str:
        if self._alone and self._what:
            made, seconds = self._done - self._before, time.monotonic() - self._start
            return f", {duration((self._total - self._done) * seconds / made)} left" if made and seconds >= 1 else ""
        left = self.seconds_left() if metric or self._cycle < self._cycles else None
        notes = [self._metric if metric else "", f"{span(left)} left" if left is not None else ""]
        return "".join(f", {note}" for note in notes if note)
