"""Options of small runs, one of which a test stops."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from al_lightning.cli.main import main
from tests.support.class_folders import write_class_folders
from tests.support.runs import SMALL_NETWORK, TINY

WATCHED = '''
import torch
from lightning.pytorch import Callback
from al_lightning.networks import WideResNet

STOP = {"at": None}

class Watch(Callback):
    def on_train_batch_end(self, trainer, module, *rest):
        if STOP["at"] == (module.key[1], module.step - 1):
            raise RuntimeError("stopped by the test")

class Dropping(WideResNet):
    """Draws from torch's own generator also where it only predicts."""
    def decode(self, features):
        return super().decode(features._replace(embedding=torch.dropout(features.embedding, 0.1, True)))
'''


def watched(folder: Path, patch: pytest.MonkeyPatch) -> Any:
    """The module of what a test watches, written into a folder and imported."""
    (folder / "boards_watched.py").write_text(WATCHED)
    patch.syspath_prepend(str(folder))
    patch.delitem(sys.modules, "boards_watched", raising=False)
    return importlib.import_module("boards_watched")


def options_on(data: Path) -> list[object]:
    """Three cycles of 10 steps, in chunks of 3, with a point every second step."""
    return [
        *("--config", "small_image_folder_coreset", "--network", "boards_watched.Dropping"),
        *("--data.root", data, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--steps", 10, "--chunk", 3),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2),
        *("--trainer.callbacks", "boards_watched.Watch"),
    ]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `options` that nothing stopped; to be read or copied, not changed."""
    folder = tmp_path_factory.mktemp("boards")
    with pytest.MonkeyPatch.context() as patch:
        watched(folder, patch)
        options = options_on(write_class_folders(folder / "classes"))
        assert main(["fit", *map(str, options), "--run_dir", str(folder / "whole")]) == 0
    return folder / "whole"


@pytest.fixture
def stop(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What says at which cycle and step a run stops."""
    stop: dict[str, Any] = watched(here, monkeypatch).STOP
    return stop


@pytest.fixture
def options(class_folders: Path, stop: dict[str, Any]) -> list[object]:
    """As `options_on`, on the test's own images."""
    return options_on(class_folders)


@pytest.fixture
def boxes(masks: Path) -> list[object]:
    return [
        *("--config", "mask_folder_unet_entropy", "--network.width", 2, "--data.root", masks),
        *("--training.head_lr_factor", 1),
        *("--data.classes", "[ground, box]", *TINY, "--data.batch_size", 4, "--budget.initial", 20),
        *("--budget.query", 20, "--budget.cycles", 2),
    ]
