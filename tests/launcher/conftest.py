"""A child that pretends to be a run, and processes that must be gone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from al_lightning.launcher import Job, local
from tests.support.launched import CHILD, DRIVER
from tests.support.processes import is_gone


@pytest.fixture
def fake(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a child that pretends, in place of `al-lightning fit`."""
    (here / "child.py").write_text(CHILD)
    (here / "driver.py").write_text(DRIVER)
    monkeypatch.setattr(
        Job, "command", property(lambda job: [sys.executable, "child.py", str(job.directory), *job.options])
    )
    monkeypatch.setattr(local, "RETRY_SECONDS", 0.1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return here


@pytest.fixture
def reaped() -> Iterator[list[int]]:
    """Process ids that must be gone at the end."""
    pids: list[int] = []
    yield pids
    deadline = time.monotonic() + 3
    while not all(map(is_gone, pids)):
        assert time.monotonic() < deadline, [pid for pid in pids if not is_gone(pid)]
        time.sleep(0.02)
