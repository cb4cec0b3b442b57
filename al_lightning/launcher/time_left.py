"""The seconds that runs should take which were not timed yet, from those that were. No torch."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from statistics import fmean

from al_lightning.launcher.job import Cost, Job
from al_lightning.progress import Span

DOUBT = 1.3
"""Factor by which a run of a kind that was not timed may be faster or slower than its work says."""


def expected(timed: Sequence[tuple[Job, Span]]) -> Callable[[Job], Span | None]:
    """Return a function that tells least and most seconds of a run; None while nothing is timed.

    A run takes as long as runs of its name; else as long as its work takes at the speed of runs of its kind; else at
    the speed of other kinds, which gives a range.

    Args:
        timed: runs that are done, or that tell how much is left, with least and most seconds of the whole run.
    """
    by_name: dict[str, list[Span]] = {}
    speeds: dict[str, list[Span]] = {}
    sure = min((_width(cost_of(job)) for job, _ in timed), default=1.0)
    others: list[Span] = []
    for job, (low, high) in timed:
        cost = cost_of(job)
        by_name.setdefault(job.name, []).append((low, high))
        speeds.setdefault(cost.kind, []).append((low / cost.middle, high / cost.middle))
        if _width(cost) == sure:  # of the kinds whose work is known best
            others.append((low / cost.most / DOUBT, high / cost.least * DOUBT))

    def answer(job: Job) -> Span | None:
        cost = cost_of(job)
        if job.name in by_name:
            return _mean(by_name[job.name])
        if cost.kind in speeds:
            low, high = _mean(speeds[cost.kind])
            return low * cost.middle, high * cost.middle
        if not others:
            return None
        return cost.least * min(low for low, _ in others), cost.most * max(high for _, high in others)

    return answer


def cost_of(job: Job) -> Cost:
    """Return a job's work; of one that does not tell it, one unit of a kind of its own."""
    return job.cost or Cost(job.name, 1.0, 1.0)


def _width(cost: Cost) -> float:
    return cost.most / cost.least


def _mean(spans: Sequence[Span]) -> Span:
    return fmean(low for low, _ in spans), fmean(high for _, high in spans)


def overall(left: Sequence[float | None], waiting: Sequence[float | None], slots: int) -> float | None:
    """Return the seconds until all runs are done, where each waiting run takes the slot that is free first.

    None where the seconds of a run at work (`left`), or of a waiting run, are not known.
    """
    known = [seconds for seconds in (*left, *waiting) if seconds is not None]
    if len(known) < len(left) + len(waiting):
        return None
    busy = known[: len(left)] + [0.0] * max(0, slots - len(left))
    heapq.heapify(busy)
    for seconds in known[len(left) :]:
        heapq.heappush(busy, heapq.heappop(busy) + seconds)
    return max(busy, default=0.0)
