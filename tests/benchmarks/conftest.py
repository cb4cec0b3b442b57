"""Options of `make bench`, a line a bound, and the exit code."""

from __future__ import annotations

import contextlib
import logging
import warnings
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch

from al_lightning.distributed.malloc import keep_large_blocks

from .ratio import Comparison
from .record import Measure, machine, write

MEASURES = pytest.StashKey[list[Measure]]()
MACHINE = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--device", choices=["cpu", "cuda"], default="cpu", help="where networks run")
    group.addoption("--full", action="store_true", help="the sizes of the real thing where smaller ones stand for them")
    group.addoption("--rounds", type=int, default=None, help="at most so many rounds each, for a first look")
    group.addoption("--numbers", default="benchmarks.json", help="the file to write")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURES] = []
    device = config.getoption("--device", "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise pytest.UsageError("DEVICE=cuda, but torch sees no GPU here.")
    config.stash[MACHINE] = machine(device)  # its load before ours
    if device == "cpu":
        keep_large_blocks()  # as every fit does
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    measures = session.config.stash.get(MEASURES, [])
    if measures:
        write(measures, session.config.stash[MACHINE], Path(session.config.getoption("--numbers")))
    if any(measure.verdict == "MISSED" for measure in measures) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    measures = config.stash.get(MEASURES, [])
    if not measures:
        return
    verdicts = [measure.verdict for measure in measures if measure.verdict]
    terminalreporter.section("bounds")
    for measure in measures:
        terminalreporter.write_line(measure.line(), red=measure.verdict == "MISSED")
    terminalreporter.write_line(
        f"{verdicts.count('met')} of {len(verdicts)} bounds met, {verdicts.count('MISSED')} missed, "
        f"{verdicts.count('not told apart')} not told apart; numbers in {config.getoption('--numbers')}"
    )


class Bench:
    """Takes measures, each with a line as soon as it is there.

    Attributes:
        device: where networks run.
        full: whether sizes are those of the real thing.
    """

    def __init__(self, config: pytest.Config, group: str) -> None:
        self.device = torch.device(config.getoption("--device"))
        self.full = bool(config.getoption("--full"))
        self._config = config
        self._group = group

    def rounds(self, wanted: int) -> int:
        """Return how many rounds to do."""
        most = self._config.getoption("--rounds")
        return wanted if most is None else min(wanted, most)

    def add(self, what: str, value: float | Comparison, note: str = "", **options: Any) -> None:
        """Add a measure; `at_most` or `at_least` is its bound, and further options are those of Measure."""
        more = dict(options.pop("more", {}))
        if isinstance(value, Comparison):
            spread = f"{value.low:.3g} to {value.high:.3g} in {value.rounds} rounds"
            note = f"{spread}; {note}" if note else spread
            more.update(first=value.first, second=value.second, rounds=value.rounds)
            if not options.keys().isdisjoint({"at_most", "at_least"}):
                low, high = (value.low, value.high) if value.sure else (0.0, inf)  # too few rounds say nothing
                options.update(low=low, high=high)
            value = value.ratio
        for side in ("most", "least"):
            if f"at_{side}" in options:
                options.update(side=side, bound=options.pop(f"at_{side}"))
        measure = Measure(self._group, what, float(value), note=note, more=more, **options)
        self._config.stash[MEASURES].append(measure)
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            if terminal:
                terminal.write_line(f"\n{measure.line()}")


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    """What takes a benchmark's measures."""
    return Bench(request.config, request.module.__name__.rpartition("bench_")[2].replace("_", " "))
