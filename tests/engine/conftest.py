"""A run that can be stopped anywhere, and its journal where it was not stopped."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
Journal = list[dict[str, object]]
MODULE = '''
import pathlib, random
import numpy, torch
from lightning.pytorch import Callback
from al_lightning.acquisition import Coreset
from al_lightning.networks import WideResNet

STOP = {"stage": None, "cycle": 1, "count": 0, "member": 0}

class Stopped(Exception):
    pass

def passing(stage, cycle=None, count=0):
    if STOP["stage"] == stage and STOP["cycle"] in (cycle, None) and STOP["count"] == count:
        raise Stopped(stage)

class Watch(Callback):
    """Stops where the test says."""
    def on_train_batch_end(self, trainer, module, *rest):
        if module.key[2] == STOP["member"]:
            passing("fit", module.key[1], module.step - 1)
    def on_test_batch_end(self, trainer, module, *rest):
        passing("test", module.key[1])
    def on_predict_batch_end(self, trainer, module, *rest):
        passing("score", STOP["cycle"])

class Meddling(Watch):
    """Draws from the global generators, and reads Lightning's count of steps."""
    def on_train_batch_start(self, trainer, module, *rest):
        with torch.no_grad():
            draw = numpy.random.randn() + random.random() + torch.randn(()).item()
            next(module.parameters()).add_(0.01 * draw * (1 + trainer.global_step % 7))

class Keeping(Callback):
    def state_dict(self):
        return {"where": pathlib.Path("here")}

class Choosing(Coreset):
    def select(self, rows, count, generator):
        passing("select", STOP["cycle"])
        return super().select(rows, count, generator)

class Ensemble(Coreset):
    members = 2
    def select(self, rows, count, generator):
        return super().select(rows._replace(value=rows.value[1:]), count, generator)

class Dropping(WideResNet):
    """Draws from torch's own generator while it trains."""
    def decode(self, features):
        return super().decode(features._replace(embedding=torch.dropout(features.embedding, 0.5, self.training)))
'''


@pytest.fixture
def stop(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    (here / "watched.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "watched", raising=False)
    import watched

    return watched.STOP


@pytest.fixture
def options(class_folders: Path) -> list[object]:
    """AutoAugment, dropout, batches larger than the labelled set, chunks that do not divide the fit, 3 cycles."""
    return [
        *(
            "--config",
            "small_image_folder_random",
            "--acquisition",
            "watched.Choosing",
            "--network",
            "watched.Dropping",
        ),
        *("--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--steps", 10, "--chunk", 4),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2, "--trainer.callbacks", "watched.Watch"),
    ]


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that asks for it leaves the run that was not stopped."""
    return tmp_path_factory.mktemp("unstopped") / "r"


@pytest.fixture
def unstopped(al: Call, stop: dict[str, object], options: list[object], kept: Path) -> Path:
    """The run that was not stopped; to be copied, not changed."""
    if not (kept / "cycles.jsonl").is_file():
        assert al("fit", *options, "--run_dir", kept).code == 0
    return kept


@pytest.fixture
def whole(unstopped: Path) -> Journal:
    return journal(unstopped)


@pytest.fixture
def copied(unstopped: Path, here: Path) -> Path:
    """A copy of the run that was not stopped, as `r`."""
    return shutil.copytree(unstopped, here / "r")
