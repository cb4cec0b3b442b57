"""A run directory that is deleted under its run, or that a refused command names: nothing is left there."""

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import ALError, DatasetError, LabelsAwaited, UsageError
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]


DELETING = """
import shutil
from lightning.pytorch import Callback
from al_lightning.runs.store import RunStore

AGAIN = []

class Delete(Callback):
    def on_train_batch_end(self, trainer, module, *rest):
        if (module.key[1], module.step) == (1, 2):
            shutil.rmtree("r")
            if AGAIN:
                RunStore(AGAIN[0]).lock()
"""


@pytest.mark.parametrize("again", [False, True])
def test_a_run_whose_directory_is_deleted_writes_nothing_more(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    (here / "deleting.py").write_text(DELETING)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "deleting", raising=False)
    deleting = importlib.import_module("deleting")
    deleting.AGAIN += [here / "r"] if again else []  # another run is there by now
    options = ["--config", "digits_random", *TINY, *SMALL_NETWORK, "--chunk", 4, "--budget.cycles", 2]
    answer = al("fit", *options, "--trainer.callbacks", "deleting.Delete", "--run_dir", "r")
    assert refused(answer, ALError, "r was deleted")
    assert answer.err.count("al-lightning:") == 1
    assert [path.name for path in here.glob("r/*")] == ([".lock"] if again else [])


@pytest.mark.parametrize(
    "options",
    [
        ["--config", "digits_variation_ratio_s4gan"],
        ["--config", "digits_random", "--budget.initial", 5000],
        ["--config", "digits_random", "--trainer.accelerator", "abacus"],
        ["--config", "small_image_folder_random"],
        ["--config", "digits_random", "--network.depth", 11],
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_a_refused_command_leaves_nothing(al: Call, here: Path, options: list[object]) -> None:
    (here / "empty").mkdir()
    for folder in ("new/below", "empty"):
        answer = al("fit", *options, "--run_dir", folder)
        assert answer.code in (UsageError.exit_code, DatasetError.exit_code), answer.err
    assert [path.name for path in here.rglob("*")] == ["empty"]


def test_a_refused_command_leaves_a_run_that_waits_for_labels_as_it_was(
    al: Call, here: Path, class_folders: Path
) -> None:
    root = here / "loose"
    shutil.copytree(class_folders / "train", root / "unlabelled")
    shutil.copytree(class_folders / "test", root / "test")
    options = ["--data.root", root, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--oracle", "files"]
    options += ["--initial", "random", "--budget.initial", 20, "--budget.query", 20]
    options += ["--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "small_image_folder_random", *options)
    assert answer.code == LabelsAwaited.exit_code, answer.err
    before = {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()}
    answer = al("fit", "--config", "small_image_folder_random_s4gan", *options)
    assert refused(answer, UsageError, "S4GAN", "class per pixel")
    assert {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()} == before
