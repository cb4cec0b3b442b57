"""Linear probes: the same journal through Lightning and on the fast path, after a restart, on two processes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from al_lightning.config.experiment import Experiment, configure
from al_lightning.distributed.processes import Processes
from al_lightning.engine.feature_run import FeatureRuns, RunInMemory
from al_lightning.engine.open_data import open_data
from al_lightning.engine.workload import workload_of
from al_lightning.errors import ALError, UsageError
from al_lightning.progress import Reporter
from al_lightning.runs.checkpoints import load_network
from al_lightning.runs.journal import Run, read_run
from tests.support.errors import raises, refused
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
BUDGET = ["--budget.unit", "images", "--budget.initial", 5, "--budget.query", 5, "--budget.cycles", 2]


def opened(config: str, options: list[object], seed: int = 0) -> Experiment:
    """A configuration whose features are there."""
    experiment = configure([config], [str(option) for option in options], seed, "fast")
    nothing = RunInMemory(Run(Path("fast"), read_run("slow").record))
    open_data(experiment, nothing, Processes(), Reporter(shown=False))
    return experiment


def both_ways(al: Call, config: str, options: list[object], seed: int = 0) -> None:
    assert al("fit", "--config", config, "--seed", seed, *options, "--run_dir", "slow").code == 0
    experiment = opened(config, options, seed)
    FeatureRuns(experiment).run(experiment, read_run("slow").record, Reporter(shown=False))
    assert journal(Path("fast")) == journal(Path("slow"))
    split = ["split.json", "split.json.seal"] if Path("slow/split.json").exists() else []
    assert sorted(path.name for path in Path("fast").iterdir()) == ["config.yaml", "cycles.jsonl", *split]
    assert all((Path("fast") / name).read_bytes() == (Path("slow") / name).read_bytes() for name in split)
    assert Path("fast/config.yaml").read_text() == Path("slow/config.yaml").read_text()


@pytest.mark.parametrize(
    ("strategy", "more"),
    [
        ("random", []),
        ("margin", ["--training.cross_validate", "true", "--training.calibrate", "true"]),
        ("coreset", ["--initial", "spread"]),
        ("bald", []),
    ],
)
def test_the_fast_path_writes_the_journal_that_lightning_writes(
    al: Call, here: Path, strategy: str, more: list[str]
) -> None:
    both_ways(al, f"digits_{strategy}_probe", [*BUDGET, *more], seed=3)


@pytest.mark.parametrize("strategy", ["entropy", pytest.param("bald", marks=pytest.mark.slow)])
def test_so_it_does_for_pixels(al: Call, here: Path, masks: Path, strategy: str) -> None:
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.workers", 0, "--network.dropout", 0.3]
    both_ways(al, f"mask_folder_hypercolumns_{strategy}_probe", [*BUDGET, *options])
    assert journal(here / "fast")[-1]["metrics"]["miou"] > 0.8  # type: ignore[index]


def test_a_class_of_which_no_pixel_is_drawn_has_labels(al: Call, here: Path, masks: Path) -> None:
    options = ["--data.root", masks, "--data.classes", "[ground, box]", "--data.workers", 0, "--training.pixels", 1]
    answer = al("fit", "--config", "mask_folder_hypercolumns_random_probe", *BUDGET, *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert "labels have box, but in no pixel that was drawn: --training.pixels draws more" in answer.err
    assert "have none of" not in answer.err


def test_a_run_that_another_process_made_meanwhile_is_kept(al: Call, here: Path) -> None:
    both_ways(al, "digits_random_probe", list(BUDGET))
    experiment, record = opened("digits_random_probe", list(BUDGET)), read_run("slow").record
    kept = (here / "fast/cycles.jsonl").stat().st_mtime_ns
    FeatureRuns(experiment).run(experiment, record, Reporter(shown=False))
    assert (here / "fast/cycles.jsonl").stat().st_mtime_ns == kept
    with raises(ALError, "fast", "cannot be written"):
        FeatureRuns(experiment).run(experiment, replace(record, features="another"), Reporter(shown=False))
    assert sorted(path.name for path in here.glob(".*.tmp")) == []


@pytest.mark.gpu
def test_a_probe_on_an_accelerator(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_margin_probe", *BUDGET, "--trainer.accelerator", "gpu")
    assert answer.code == 0, answer.err


def test_a_restart_changes_nothing_and_the_weights_are_of_the_whole_network(
    al: Call, here: Path, stop: dict[str, object]
) -> None:
    command = ["fit", "--config", "digits_random_probe", "--acquisition", "watched.Choosing", *BUDGET]
    assert al(*command, "--run_dir", "whole").code == 0
    stop.update(stage="select", count=0)
    assert al(*command, "--run_dir", "r").code == 1
    assert len(journal(here / "r")) == 1  # nothing is chosen yet
    stop.update(stage=None)
    assert al(*command, "--run_dir", "r").code == 0
    assert journal(here / "r") == journal(here / "whole")
    network = configure(["digits_random_probe"], run_dir="whole").network(10).eval()
    load_network(network, here / "whole/cycle_02/member_0/weights.pt")
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 8, 8)).logits.shape == (1, 10)


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        ("digits_equal_probe", [], ["EquAL", "images themselves"]),
        ("digits_variation_ratio_probe", [], ["VariationRatio", "one head"]),
        ("digits_random_probe", ["--steps", 2], ["one step", "--steps 1"]),
        (
            "digits_random_probe",
            ["--training.cross_validate", "true", "--training.inverse_penalty", 0.1],
            ["training.cross_validate", "training.inverse_penalty"],
        ),
        ("demo_0f_random_probe", [], ["linear head", "HypercolumnClassifier"]),
    ],
)
def test_what_does_not_go_with_a_probe_is_refused(
    al: Call, here: Path, config: str, options: list[object], words: list[object]
) -> None:
    answer = al("fit", "--config", config, *options)
    assert refused(answer, UsageError, *words)
    assert not (here / "runs").exists()


def test_images_that_are_normalised_otherwise_than_the_weights_images_are_said(al: Call, here: Path) -> None:
    options = [*BUDGET, "--budget.cycles", 0, "--network.model", "tf_efficientnet_lite0"]
    mean = ["--data.mean", "[0.485, 0.456, 0.406]", "--data.std", "[0.229, 0.224, 0.225]"]
    network = [*mean, "--network", "al_lightning.networks.TimmClassifier", "--network.weights", "package"]
    said = al("fit", "--config", "digits_random_probe", *network, *options).err
    assert "--data.mean '[0.498, 0.498, 0.498]' --data.std '[0.502, 0.502, 0.502]'" in said
    assert "--data.mean" not in al("fit", "--config", "digits_efficientnet_random_probe", *options).err


def test_the_one_step_of_a_probe_tells_nothing_of_a_batch(al: Call, here: Path) -> None:
    assert al("fit", "--config", "digits_entropy_probe", *BUDGET, "--run_dir", "slow").code == 0
    experiment = opened("digits_entropy_probe", BUDGET)
    load = workload_of(experiment, experiment.data.pool(), 0, 2, 1)
    assert load.batches["score"][0] > 0
    assert load.in_steps == {}


def test_classes_without_a_label_are_said_once_a_run(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "digits_random_probe", *BUDGET)
    assert answer.code == 0
    assert answer.err.count("the first 5 labels have none of ") == 1
    assert answer.err.count(" have none of ") == 1
