"""Runs that the tests of several files change."""

import shutil
from pathlib import Path

import pytest

from al_lightning.cli.main import main
from al_lightning.runs.store import RunStore
from tests.support.journals import CYCLES, FIRST, INITIAL
from tests.support.whole_runs import RUN


@pytest.fixture
def store(tmp_path):
    """A run of two finished cycles."""
    made = RunStore(tmp_path / "run")
    made.begin(FIRST)
    made.label_initial(INITIAL)
    for cycle in CYCLES:
        made.append(cycle)
    return made


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three cycles; to be copied, not changed."""
    where = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*map(str, RUN), "--run_dir", str(where)]) == 0
    return where


@pytest.fixture
def whole(here: Path, whole_run: Path) -> Path:
    """A finished run of three cycles, in the working directory."""
    return Path(shutil.copytree(whole_run, here / "whole"))
