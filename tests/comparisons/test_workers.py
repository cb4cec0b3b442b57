"""The processes of a comparison."""

import importlib.util
import time
from pathlib import Path

import pytest

from al_lightning.comparisons.workers import PREPARED
from tests.support.processes import family, is_gone, start

COMPARE = ["compare", "digits", "--encoder", "wrn28", "--strategies", "margin", "--seeds", "500", "--processes", "2"]
BUDGET = ["--budget.unit", "images", "--budget.initial", "20", "--budget.query", "10", "--budget.cycles", "2"]


def test_what_the_processes_import_first_exists() -> None:
    # A preparation that fails is silent: each process would import everything by itself.
    assert importlib.util.find_spec(PREPARED) is not None


@pytest.mark.slow
def test_all_processes_end_with_the_first_one_whatever_ends_it(here: Path) -> None:
    run = start(here, [*COMPARE, *BUDGET])
    try:
        deadline = time.monotonic() + 240
        while not list((here / "runs").glob("*/*/seed_1")):
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
        others = [process for process, _ in family(run.pid) if process != run.pid]
        assert len(others) >= 3  # a process that prepares the others, or keeps semaphores, and the two that make runs
    finally:
        run.kill()
    run.communicate()
    deadline = time.monotonic() + 20
    while not all(map(is_gone, others)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
