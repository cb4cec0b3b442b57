"""Progress of all runs of a launcher: a live table in a terminal, otherwise plain lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from al_lightning.console import Display
from al_lightning.launcher.job import Job, Outcome, left_of, metric_of, progress_of
from al_lightning.launcher.time_left import expected, overall
from al_lightning.progress import Span, duration, span

READ_SECONDS = 0.5
"""Seconds between two readings of the runs' progress."""
WIDE = 120
"""Columns of a terminal from which on each run has a bar."""
NAMED = 3
"""Number of runs that a plain summary line names."""


class Screen(Display):
    """Shows which runs are at work, the progress of each, and the time until all are done.

    Args:
        jobs: all runs, in order.
        slots: number of runs at once.
        stream: the output; standard error by default.
    """

    def __init__(self, jobs: Sequence[Job], slots: int, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.slots = max(1, min(slots, len(jobs)))
        self.outcomes: dict[Job, Outcome] = {}
        self._jobs = list(jobs)
        self._running: dict[Job, tuple[float, str]] = {}
        self._progress: dict[Job, dict[str, Any]] = {}
        self._took: list[tuple[Job, Span]] = []
        self._elsewhere: set[Job] = set()
        self._read_at = time.monotonic()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        if len(self._jobs) > 1 and (self.outcomes or error[0] is None):
            self.say(f"{self._counts()}.")

    def begin(self, job: Job, where: str = "") -> None:
        """Show a run at work; `where` is for example its GPU."""
        self._elsewhere.discard(job)
        self._running[job] = time.monotonic(), where
        if not self.live:
            number = self._jobs.index(job) + 1
            self.say(f"{job} ({number} of {len(self._jobs)}{', ' + where if where else ''})")
        else:
            self.draw(self._table())

    def elsewhere(self, job: Job) -> None:
        """Show that another process is at work on a run."""
        self._running.pop(job, None)
        if job not in self._elsewhere:
            self._elsewhere.add(job)
            self.say(f"{job}: another process is at work on it; it is tried again at the end")

    def end(self, outcome: Outcome) -> None:
        """Show the outcome of a run."""
        job = outcome.job
        self._running.pop(job, None)
        self._elsewhere.discard(job)
        if self._progress.pop(job, None) is not None and outcome.state == "done":
            self._took.append((job, (outcome.seconds, outcome.seconds)))
        self.outcomes[job] = outcome
        self.draw(self._table())
        in_time = f" in {duration(outcome.seconds)}" if outcome.seconds >= 1 else ""
        if outcome.state == "done":
            metric = metric_of(job)
            self.say(f"{job}: done{in_time}{', ' + metric if metric else ''}", "green")
        elif outcome.state == "failed":
            how = f" with exit code {outcome.exit_code}" if outcome.exit_code and outcome.exit_code > 0 else ""
            lines = "".join(f"\n    {line}" for line in outcome.log_end.splitlines())
            self.say(f"{job}: failed{how}{in_time}; {job.log} ends:{lines or ' (nothing)'}", "red")
        else:
            words = {
                "interrupted": "interrupted; the same command continues",
                "labels": f"waits for labels of the chosen images ({outcome.last_line})",
                "elsewhere": "another process is at work on it",
            }
            self.say(f"{job}: {words[outcome.state]}", "yellow")

    def tick(self) -> None:
        """Read the runs' progress and show it; called often."""
        now = time.monotonic()
        if now - self._read_at < READ_SECONDS:
            return
        self._read_at = now
        for job in self._running:
            if progress := progress_of(job):
                self._progress[job] = progress
        self.show(self._table, self._summary())

    def _table(self) -> RenderableType:
        """Return the live part: a line for each run at work, as far as there is room, and the totals."""
        table = Table.grid(padding=(0, 2))
        wide = self.console.width >= WIDE
        for kept in (False, *([True] if wide else []), False):  # name and title give way
            table.add_column(no_wrap=kept)
        for _ in ("metric", "time left"):
            table.add_column(no_wrap=True, justify="right")
        room = max(1, self.console.height - 4)
        for job, (begun, where) in list(self._running.items())[:room]:
            progress = self._progress.get(job, {})
            left = left_of(progress)
            title = progress.get("title") or f"starting{' on ' + where if where else ''}"
            table.add_row(
                Text(str(job), style="bold", no_wrap=True, overflow="ellipsis"),
                *([ProgressBar(1.0, _share(progress), width=16)] if wide else []),
                Text(title, no_wrap=True, overflow="ellipsis"),
                progress.get("metric") or "",
                f"{span(left)} left" if left is not None else f"for {duration(time.monotonic() - begun)}",
            )
        ends = len(self.outcomes) / max(1, len(self._jobs))
        parts: list[RenderableType] = [table]
        if len(self._running) > room:
            parts.append(Text(f"... and {len(self._running) - room} more at work", style="dim"))
        total = Table.grid(padding=(0, 2))
        under_way = sum(_share(self._progress.get(job, {})) for job in self._running) / max(1, len(self._jobs))
        total.add_row("all", ProgressBar(1.0, ends + under_way, width=24), self._totals())
        return Group(*parts, Text(""), total)

    def _summary(self) -> str:
        named = []
        for job in list(self._running)[:NAMED]:
            progress = self._progress.get(job, {"title": "starting"})
            named.append(f"{job}: {', '.join(note for key in ('title', 'metric') if (note := progress.get(key)))}")
        more = len(self._running) - len(named)
        listed = "; ".join([*named, *([f"{more} more"] if more > 0 else [])])
        return f"{self._totals()}{' | ' if listed else ''}{listed}"

    def _totals(self) -> str:
        rest = self.seconds_left()
        return self._counts() + (f"; about {span(rest)} left" if rest and rest[1] else "")

    def _counts(self) -> str:
        states = [outcome.state for outcome in self.outcomes.values()]
        waiting = len(self._waiting())
        parts = [f"{states.count('done')} of {len(self._jobs)} done"]
        parts += [f"{len(self._running)} running"] if self._running else []
        parts += [f"{waiting} waiting"] if waiting else []
        parts.append(f"{states.count('failed')} failed")
        words = {"interrupted": "interrupted", "labels": "waiting for labels", "elsewhere": "at work elsewhere"}
        parts += [f"{states.count(state)} {text}" for state, text in words.items() if state in states]
        parts += [f"{len(self._elsewhere)} at work elsewhere"] if self._elsewhere else []
        return ", ".join(parts)

    def _waiting(self) -> list[Job]:
        known = {*self.outcomes, *self._running, *self._elsewhere}
        return [job for job in self._jobs if job not in known]

    def seconds_left(self) -> Span | None:
        """Return the estimated seconds until all runs are done, at least and at most; None before anything is known."""
        now = time.monotonic()
        passed = {job: now - begun for job, (begun, _) in self._running.items()}
        told = {job: left for job in passed if (left := left_of(self._progress.get(job, {}))) is not None}
        timed = [(job, (passed[job] + low, passed[job] + high)) for job, (low, high) in told.items()]
        takes = expected([*self._took, *timed])
        wholes = {job: takes(job) for job in [*passed, *self._waiting()]}

        def until(end: int) -> float | None:
            """Return the seconds by the least (0) or the most (1) of each run."""
            full = {job: None if whole is None else whole[end] for job, whole in wholes.items()}
            rest = {job: None if (whole := full[job]) is None else max(0.0, whole - now) for job, now in passed.items()}
            left = [told[job][end] if job in told else rest[job] for job in passed]
            return overall(left, [full[job] for job in self._waiting()], self.slots)

        low, high = until(0), until(1)
        return None if low is None or high is None else (low, high)


def _share(progress: dict[str, Any]) -> float:
    return min(1.0, max(0.0, float(progress.get("fraction") or 0.0)))
