"""Every run of the study's tables has a name that the project understands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from torchvision import datasets

from al_lightning.config.experiment import configure
from al_lightning.config.names import resolve, split_name
from tests.support import trees_a2d2, trees_study
from tests.support.runs import Answer, journal

NAMES = (Path(__file__).parents[1] / "support/study_runs.txt").read_text().split()
DATASETS = sorted({split_name(name)["datasets"].stem for name in NAMES})
ONE_EACH = [next(name for name in NAMES if split_name(name)["datasets"].stem == dataset) for dataset in DATASETS]


def test_there_are_201_of_them() -> None:
    assert len(NAMES) == len(set(NAMES)) == 201


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_its_parts_and_reads_back(name: str) -> None:
    settings = resolve([name])
    assert settings.name == name
    axes = {axis: path.stem for axis, path in split_name(name).items()}
    assert "_".join(axes.values()) == name
    for section in ("data", "task", "network", "training", "acquisition", "budget"):
        assert settings.values[section]


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_together_is_together(name: str) -> None:
    values = resolve([name]).values
    assert (values["network"]["init_args"].get("dropout") == 0.1) == ("bald" in name or name.find("_mcd") > 0)
    assert values["network"]["init_args"].get("loss_predictor", False) == ("learning_loss" in name)
    training = values["training"]["class_path"].rpartition(".")[2]
    assert training == ("UDA" if name.endswith("_uda") else "S4GAN" if name.endswith("_s4gan") else "Supervised")
    if training == "S4GAN":
        driving = name.startswith(("a2d2", "cityscapes"))
        options = values["training"]["init_args"]
        assert (options.get("gamma", 0.6), options.get("discriminator_lr", 1e-4)) == (
            (0.7, 2.5e-5) if driving else (0.6, 1e-4)
        )
    budget = values["budget"]
    amounts = (budget["initial"], budget["query"], budget["cycles"], budget["unit"])
    if "_2-2" in name:
        assert amounts == (2, 2, 4, "percent")
    elif "_5-5" in name:
        assert amounts == (5, 5, 4, "percent")
    elif name.startswith("a2d2_3k"):
        assert amounts == (1000, 1000, 2, "images")
    elif name.startswith("bcss"):
        assert amounts == (1, 1, 4, "percent")
    elif "250-250" in name:
        assert amounts == (250, 250, 7, "images")
    elif "500-500" in name:
        assert amounts == (500, 500, 7, "images")
    elif name.startswith("cifar"):
        assert amounts == (5000, 2500, 6, "images")
    else:
        assert amounts == (10, 10, 4, "percent")


@pytest.mark.parametrize("name", ONE_EACH)
def test_one_of_each_dataset_parses_with_all_its_options(al: Callable[..., Answer], here: Path, name: str) -> None:
    answer = al("fit", "--config", name, "--print_config")
    assert answer.code == 0, answer.err
    assert yaml.safe_load(answer.out)["data"]["class_path"].startswith("al_lightning.data.")


def tiny(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Options that run a published name on a tree of its dataset's layout, with a tiny network and one step a fit."""
    root = here / "data"
    options: list[object] = ["--data.root", root, "--data.complete", "false", "--data.workers", 0, "--steps", 1]
    options += ["--budget.unit", "images", "--budget.initial", 2, "--budget.query", 1, "--budget.cycles", 1]
    if name.startswith("cifar"):
        kind = datasets.CIFAR100 if name.startswith("cifar100") else datasets.CIFAR10
        trees_study.write_cifar(root, kind, monkeypatch)
        options += ["--data.batch_size", 4, "--network.depth", 10, "--network.width", 1]
        return [*options, "--data.unlabelled.batch_size", 4] if name.endswith("_uda") else options
    options += ["--network", "al_lightning.networks.UNet", "--network.width", 4, "--training.head_lr_factor", 1]
    options += ["--data.batch_size", 2, "--data.eval_batch_size", 1, "--data.augmentation.crop", "[16, 16]"]
    if name.startswith("voc"):
        trees_study.write_voc(root)
    elif name.startswith("cityscapes"):
        trees_study.write_cityscapes(root)
        options += ["--data.size", "[32, 64]"]
    elif name.startswith("a2d2"):
        trees_a2d2.write_a2d2(root)
        pool = ["--data.pool", "1f", "--data.pool_size", 4] if re.search("_pool[5-9]|_pool[12]", name) else []
        pool = ["--data.pool_size", 4] if "_pool0f" in name else pool
        pool = ["--data.pool_size", 4, "--data.copies", 1] if "_poolaug" in name else pool
        options += [*pool, "--data.size", "[32, 64]"]
        options += ["--acquisition.step", 1] if "uniform5" in name else []
    else:
        trees_a2d2.write_bcss(root)
        options += ["--data.tile", 16]
    return options


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_published_run_makes_a_step_on_a_tree_of_its_layout(
    al: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    answer = al("fit", "--config", name, *tiny(name, here, monkeypatch), "--run_dir", "r")
    assert answer.code == 0, answer.err
    one_fit = "full" in name or ("_uniform" in name and "uniform5" not in name)
    assert len(journal(here / "r")) == (2 if one_fit else 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_EACH)
def test_the_real_network_of_each_dataset(here: Path, name: str) -> None:
    classes = {"cifar10": 10, "cifar100": 100, "voc": 21, "bcss": 5}.get(split_name(name)["datasets"].stem, 19)
    experiment = configure([f"{split_name(name)['datasets'].stem}_random"], run_dir="r")
    with torch.device("meta"):
        network = experiment.fresh_parts().network(classes)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    studys = {10: 1_467_610, 100: 1_479_220, 19: 137_103_936, 21: 137_104_448, 5: 137_100_352}
    assert parameters == studys[classes]
