"""A run directory that somebody sent, and the watch that nothing of it runs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.attacks import MARK, called
from tests.support.sent_runs import MODULES


@pytest.fixture
def sent(digits_run: Path, here: Path) -> Iterator[Path]:
    """A folder as somebody sent it, and as the user works in it: a run, and modules that tell when they are run."""
    for name, text in MODULES.items():
        (here / f"{name}.py").write_text(f"open({str(here / f'ran_{name}')!r}, 'w').close()\n{text}")
    shutil.copytree(digits_run, here / "sent")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "image.png")
    before = list(sys.path)
    for name in MODULES:
        sys.modules.pop(name, None)
    yield here
    assert sys.path == before
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def nothing_runs(here: Path) -> Iterator[None]:
    called.clear()
    yield
    assert not called
    assert not list(here.rglob(MARK))
