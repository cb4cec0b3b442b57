"""Two pieces of work, timed in turns: a machine's other load falls on both alike."""

from __future__ import annotations

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


class Comparison(NamedTuple):
    """What came of it.

    Attributes:
        first: median seconds of the first side.
        second: of the second.
        ratio: median over the rounds of first / second, neighbours in time.
        low: the smallest of these ratios.
        high: the largest.
    """

    first: float
    second: float
    ratio: float
    low: float
    high: float

    @property
    def inverse(self) -> Comparison:
        """The same with the sides exchanged."""
        return Comparison(self.second, self.first, 1 / self.ratio, 1 / self.high, 1 / self.low)


def seconds(work: Work, device: torch.device) -> float:
    """Return how long a piece of work takes, what it left for an accelerator to do included."""
    begun = time.perf_counter()
    own = work()
    if isinstance(own, float):
        return own
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def alternate(first: Work, second: Work, rounds: int, device: torch.device = CPU, warm: bool = True) -> Comparison:
    """Time two sides in turns; which begins changes from round to round.

    Args:
        first: a piece of work.
        second: what it is compared with.
        rounds: how often.
        device: waited for after each piece.
        warm: do both once before.
    """
    for work in (first, second) if warm else ():
        seconds(work, device)
    pairs = []
    for number in range(rounds):
        if number % 2:
            of_second = seconds(second, device)
            pairs.append((seconds(first, device), of_second))
        else:
            pairs.append((seconds(first, device), seconds(second, device)))
    ratios = [a / b for a, b in pairs]
    return Comparison(
        median(a for a, _ in pairs), median(b for _, b in pairs), median(ratios), min(ratios), max(ratios)
    )


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
