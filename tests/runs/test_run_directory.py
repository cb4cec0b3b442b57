"""A run directory that is deleted under its run, or that a refused command names: nothing is left there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import ALError, DatasetError, LabelsAwaited, UsageError
from al_lightning.runs.store import RunStore
from tests.support.errors import refused
from tests.support.processes import arguments as stage_arguments
from tests.support.processes import await_stage
from tests.support.processes import start as start_run
from tests.support.runs import SMALL_NETWORK, TINY, Answer

Call = Callable[..., Answer]


@pytest.mark.parametrize("again", [False, True])
def test_a_run_whose_directory_is_deleted_writes_nothing_more(here: Path, class_folders: Path, again: bool) -> None:
    run = start_run(here, [*stage_arguments(class_folders), "--run_dir", "r"], LINGER="fit/1", LINGER_SECONDS=0.4)
    await_stage(here, run, 1)
    shutil.rmtree(here / "r")
    if again:  # another run is there by now
        store = RunStore(here / "r")
        store.lock()
    out, _ = run.communicate(timeout=100)
    assert refused(Answer(run.returncode, "", out), ALError, "r was deleted")
    assert out.count("al-lightning:") == 1
    assert [path.name for path in here.glob("r/*")] == ([".lock"] if again else [])


@pytest.mark.parametrize(
    "options",
    [
        ["--config", "digits_variation_ratio_s4gan"],
        ["--config", "digits_random", "--budget.initial", 5000],
        ["--config", "digits_random", "--trainer.accelerator", "abacus"],
        ["--config", "image_folder_random"],
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
    answer = al("fit", "--config", "image_folder_random", *options)
    assert answer.code == LabelsAwaited.exit_code, answer.err
    before = {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()}
    answer = al("fit", "--config", "image_folder_random_s4gan", *options)
    assert refused(answer, UsageError, "S4GAN", "class per pixel")
    assert {path: path.read_bytes() for path in (here / "r").rglob("*") if path.is_file()} == before
