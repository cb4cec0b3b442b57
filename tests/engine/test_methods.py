"""Every strategy with every training method that fits it: whole runs, stopped ones, two processes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.errors import lacking
from tests.support.methods import images, maps
from tests.support.processes import ROOT, command, environment, start
from tests.support.runs import TINY, Answer, journal

Call = Callable[..., Answer]

DYING = '''
"""A process that dies in the middle of a fit, once."""
import os, signal
from pathlib import Path

from lightning.pytorch import Callback

class Die(Callback):
    def on_train_batch_end(self, trainer, module, *rest):
        place = os.environ.get("DIE_AT", "")
        if place == f"{module.key[1]}/{module.key[2]}/{module.step}" and not Path("died").exists():
            if trainer.global_rank == int(os.environ.get("DIE_RANK", "0")):
                Path("died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
'''
FORKS = '''
"""Runs command lines, one after the other, in forks of one process that has imported everything."""
import json, os, sys

import al_lightning.cli.main, al_lightning.engine.loop, dying

for options, die in json.loads(sys.argv[1]):
    sys.stdout.flush()
    if not (child := os.fork()):
        os.environ.update({"DIE_AT": die} if die else {})
        os._exit(al_lightning.cli.main.main(options))
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
'''
IMAGE = ["random", "entropy", "equal", "coreset", "coreset_mcd", "bald", "learning_loss", "variation_ratio"]
PIXEL = ["random", "entropy", "equal", "coreset", "coreset_mcd", "bald", "learning_loss", "uniform", "uniform5_entropy"]
IMAGE_PAIRS = [(strategy, method) for strategy in [*IMAGE, "full", "full_mcd"] for method in ("supervised", "uda")]
PIXEL_PAIRS = [(strategy, method) for strategy in PIXEL for method in ("supervised", "s4gan")]
PIXEL_PAIRS += [("full", "supervised"), ("full_mcd", "supervised")]
CONFIGS = {path.stem for path in (ROOT / "configs/acquisition").glob("*.yaml")}
OTHERS = sorted(CONFIGS - {*IMAGE, *PIXEL, "full", "full_mcd", "random_mcd"})
OF_IMAGES = {"alfamix", "bait", "dropquery"}
"""Strategies for a class per image."""


def finished(run_dir: Path, strategy: str) -> list[dict[str, object]]:
    lines = journal(run_dir)
    assert len(lines) == (2 if strategy.startswith("full") or strategy == "uniform" else 3)
    last = lines[-1]["metrics"]
    assert 0 <= next(iter(last.values())) <= 1
    return lines


@pytest.mark.parametrize(
    ("strategy", "training"),
    [
        ("equal", "uda"),
        ("bald", "supervised"),
        ("learning_loss", "uda"),
        ("variation_ratio", "supervised"),
        ("full", "uda"),
    ],
)
def test_a_thin_slice_of_classification(
    al: Call, here: Path, class_folders: Path, strategy: str, training: str
) -> None:
    done = al("fit", *images(strategy, training, class_folders), "--run_dir", "r")
    assert done.code == 0, done.err
    lines = finished(here / "r", strategy)
    members = len(list((here / "r/cycle_00").glob("member_*")))
    assert members == (5 if strategy == "variation_ratio" else 1)
    if strategy != "full":
        assert len(lines[1]["chosen"]) == 6


@pytest.mark.parametrize(
    ("strategy", "training"),
    [
        ("equal", "s4gan"),
        pytest.param("bald", "s4gan", marks=pytest.mark.slow),
        ("coreset_mcd", "supervised"),
        ("learning_loss", "s4gan"),
        pytest.param("uniform", "s4gan", marks=pytest.mark.slow),
        ("uniform5_entropy", "supervised"),
        ("full_mcd", "supervised"),
    ],
)
def test_a_thin_slice_of_segmentation(al: Call, here: Path, masks: Path, strategy: str, training: str) -> None:
    done = al("fit", *maps(strategy, training, masks), "--run_dir", "r")
    assert done.code == 0, done.err
    finished(here / "r", strategy)
    if strategy == "uniform":
        assert len(journal(here / "r")[0]["initial"]) == 6


@pytest.mark.parametrize("training", ["uda", pytest.param("s4gan", marks=pytest.mark.slow)])
def test_a_fit_of_two_streams_that_was_stopped_ends_as_if_it_had_not(
    al: Call, here: Path, class_folders: Path, masks: Path, training: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = images("random", "uda", class_folders) if training == "uda" else maps("random", "s4gan", masks)
    if training == "uda":
        options += ["--training.ema", 0.9]
    assert al("fit", *options, "--run_dir", "whole").code == 0
    from al_lightning.training import TrainingModule

    real = TrainingModule.on_train_batch_end

    def stop(self: TrainingModule, *arguments: object) -> None:
        real(self, *arguments)
        if self.key[1] == 1 and self.step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "on_train_batch_end", stop)
        assert al("fit", *options, "--run_dir", "stopped").code == 75
    assert [path.name for path in (here / "stopped/cycle_01/member_0").glob("*.ckpt")] == ["step_4.ckpt"]
    assert al("fit", *options, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == journal(here / "whole")


@pytest.mark.parametrize(
    ("name", "options", "facts"),
    [
        ("mask_folder_unet_random_uda", [], ["UDA", "class per image"]),
        ("mask_folder_unet_variation_ratio", [], ["VariationRatio", "UNet", "classes of pixels"]),
        ("mask_folder_unet_full_s4gan", [], [16, "--data.unlabelled.images pool"]),
        ("mask_folder_unet_random_s4gan", ["--budget.cycles", 3], [16, "--data.unlabelled.images pool"]),
        ("mask_folder_unet_random_s4gan", ["--trainer.gradient_clip_val", 1.0], ["S4GAN", "gradient_clip_val"]),
        ("mask_folder_unet_random", ["--training", "al_lightning.training.S4GAN"], ["S4GAN", "views unlabelled"]),
        ("mask_folder_unet_bald", ["--network.dropout", 0], ["BALD", "dropout"]),
        ("mask_folder_unet_learning_loss", ["--network.loss_predictor", "false"], ["LearningLoss", "loss_predictor"]),
        ("mask_folder_unet_learning_loss", ["--acquisition.subset", 2], ["2 candidates", "4 images", "subset"]),
        (
            "mask_folder_unet_random",
            ["--acquisition", "al_lightning.acquisition.Uniform"],
            ["order in time", "--data.sequence_pattern"],
        ),
    ],
)
def test_parts_that_do_not_go_together_get_a_sentence(
    al: Call, here: Path, masks: Path, name: str, options: list[object], facts: list[object]
) -> None:
    common = ["--data.root", masks, "--data.classes", "[ground, box]", "--training.head_lr_factor", 1]
    common += [*TINY, "--data.batch_size", 4, "--budget.initial", 25, "--budget.query", 25, "--budget.cycles", 1]
    answer = al("fit", "--config", name, *common, *options, "--run_dir", "r")
    assert answer.code == 2, answer.err
    last = answer.err.strip().splitlines()[-1]
    assert not lacking(last, facts), answer.err
    assert "Traceback" not in answer.err
    assert not list((here / "r").rglob("weights.pt"))


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "training"), IMAGE_PAIRS)
def test_classification_killed_and_on_two_processes(
    here: Path, class_folders: Path, strategy: str, training: str
) -> None:
    killed_on_one_and_two(here, images(strategy, training, class_folders), strategy)


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "training"), PIXEL_PAIRS)
def test_segmentation_killed_and_on_two_processes(here: Path, masks: Path, strategy: str, training: str) -> None:
    killed_on_one_and_two(here, maps(strategy, training, masks), strategy)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["image", "pixel"])
def test_the_other_strategies_choose_the_same_on_one_two_and_three_processes(
    al: Call, here: Path, class_folders: Path, masks: Path, kind: str
) -> None:
    make, root = (images, class_folders) if kind == "image" else (maps, masks)
    done = al("fit", *make("entropy", "supervised", root), "--network.dropout", 0.1, "--run_dir", "r")
    assert done.code == 0, done.err

    def chosen(strategy: str, processes: int) -> list[int]:
        answer = al("query", "r", "--cycle", 0, "--acquisition", strategy, "--trainer.devices", processes)
        assert answer.code == 0, answer.err
        indices: list[int] = json.loads(answer.out.splitlines()[-1])
        return indices

    fit = [name for name in OTHERS if kind == "image" or name not in OF_IMAGES]
    alone = {name: chosen(name, 1) for name in fit}
    assert len(alone) > 10
    for processes in (2, 3):
        assert {name: chosen(name, processes) for name in fit} == alone


def killed_on_one_and_two(here: Path, options: list[object], strategy: str) -> None:
    """With one and with two processes: a run killed in its last fit ends as one that was not."""
    (here / "dying.py").write_text(DYING)
    (here / "forks.py").write_text(FORKS)
    one_fit = strategy.startswith("full") or strategy == "uniform"
    die = f"{0 if one_fit else 1}/0/5"
    line = [str(option) for option in ["fit", *options, "--trainer.callbacks", "dying.Die", "--run_dir"]]
    calls = [([*line, "whole1"], ""), ([*line, "killed1"], die), ([*line, "killed1"], "")]
    forks = [sys.executable, "forks.py", json.dumps(calls)]
    done = subprocess.run(forks, cwd=here, env=environment(), capture_output=True, text=True, timeout=600)
    codes = [text.removeprefix("ended ") for text in done.stdout.splitlines() if text.startswith("ended ")]
    assert codes == ["0", "-9", "0"], done.stdout + done.stderr
    (here / "died").unlink()

    two = [*line[:-1], "--trainer.devices", "2", "--run_dir"]
    whole = command(here, *two, "whole2")
    assert whole.returncode == 0, whole.stderr
    killed = start(here, [*two, "killed2"], DIE_AT=die, DIE_RANK=1)
    out, _ = killed.communicate(timeout=300)  # the other one ends by itself
    assert killed.returncode != 0, out
    assert (here / "died").exists(), out
    again = command(here, *two, "killed2")
    assert again.returncode == 0, again.stderr
    for processes in (1, 2):
        finished(here / f"whole{processes}", strategy)
        assert journal(here / f"killed{processes}") == journal(here / f"whole{processes}")
    # From given weights the number of processes changes nothing: the run of two, asked by one, chooses the same.
    if not one_fit:
        chosen = json.loads(command(here, "query", "whole2", "--cycle", 0).stdout.splitlines()[-1])
        assert chosen == journal(here / "whole2")[1]["chosen"]
