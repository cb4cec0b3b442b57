"""Two pieces of work, timed in turns, since other load then falls on both alike, until a bound is met or missed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

Work = Callable[[], object]
"""Done once; where it times itself, it returns its seconds as a float."""
CPU = torch.device("cpu")
ERROR = 0.01
"""Probability that an interval does not contain the median; small, since the interval is looked at after each round."""
MOST = 24
"""Most rounds of a ratio that has a bound."""


class Comparison(NamedTuple):
    """What the rounds gave.

    Attributes:
        first: median seconds of the first side.
        second: median seconds of the second side.
        ratio: median over the rounds of first / second.
        low: lower end of the ratio's interval (`interval`); of too few rounds, their smallest ratio.
        high: upper end, likewise.
        rounds: number of rounds.
    """

    first: float
    second: float
    ratio: float
    low: float
    high: float
    rounds: int

    @property
    def sure(self) -> bool:
        """Whether the rounds suffice for an interval."""
        return left_out(self.rounds) is not None


def left_out(rounds: int) -> int | None:
    """Return how many of the sorted ratios lie outside of the interval at either end; None for too few rounds."""
    tail, count = 0.5**rounds, 0  # the probability that at most `count` ratios lie below the median
    while 2 * tail <= ERROR:
        count += 1
        tail += math.comb(rounds, count) * 0.5**rounds
    return count - 1 if count else None


def interval(ratios: list[float]) -> tuple[float, float]:
    """Return an interval of the median by the sign test, which assumes no distribution; the range of too few ratios."""
    ratios = sorted(ratios)
    outside = left_out(len(ratios)) or 0
    return ratios[outside], ratios[-1 - outside]


def seconds(work: Work, device: torch.device) -> float:
    """Return how long a piece of work takes, what it left for an accelerator to do included."""
    begun = time.perf_counter()
    own = work()
    if isinstance(own, float):
        return own
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def alternate(
    first: Work,
    second: Work,
    rounds: int,
    device: torch.device = CPU,
    warm: bool = True,
    bound: float | None = None,
) -> Comparison:
    """Time two sides in turns; which begins changes from round to round.

    Args:
        first: a piece of work.
        second: what it is compared with.
        rounds: number of rounds; with a bound, the most.
        device: waited for after each piece.
        warm: do both once before.
        bound: stop as soon as the ratio's interval lies on one side of this number.
    """
    for work in (first, second) if warm else ():
        seconds(work, device)
    pairs: list[tuple[float, float]] = []
    while True:
        if len(pairs) % 2:
            of_second = seconds(second, device)
            pairs.append((seconds(first, device), of_second))
        else:
            pairs.append((seconds(first, device), seconds(second, device)))
        ratios = [a / b for a, b in pairs]
        done = Comparison(
            median(a for a, _ in pairs), median(b for _, b in pairs), median(ratios), *interval(ratios), len(pairs)
        )
        if done.rounds >= rounds or (bound is not None and done.sure and not done.low <= bound <= done.high):
            return done


def python(*arguments: object, folder: Path | None = None, code: int = 0, **environment: str) -> str:
    """Run Python in a process of its own, which must end with an exit code; return what it printed.

    Args:
        *arguments: of the interpreter.
        folder: the working directory; this one by default.
        code: the exit code.
        **environment: further environment variables.
    """
    command = [sys.executable, *map(str, arguments)]
    tests = Path(__file__).parents[1]  # pytest, too, calls this package `benchmarks`
    variables = {**os.environ, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}", **environment}
    run = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert run.returncode == code, run.stderr
    return run.stdout
