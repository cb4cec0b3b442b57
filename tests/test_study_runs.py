"""Every run of the study's tables has a name that the project understands."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import Answer

from al_lightning.settings import resolve, split_name

NAMES = (Path(__file__).parent / "study_runs.txt").read_text().split()
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
