"""The command fit, as typed: which option counts, and what a mistake is answered with."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from al_lightning.config.experiment import configure
from al_lightning.config.fit_options import DECLARED
from al_lightning.errors import DatasetError, UsageError
from tests.support.errors import lacking, refused
from tests.support.runs import DIGITS, TINY, Answer

Call = Callable[..., Answer]


def test_options_that_change_results_get_a_directory_of_their_own(al: Call, here: Path) -> None:
    for options in (["--data.workers", 0], ["--steps", 3]):
        answer = al("fit", "--budget.cycles", 0, "--config", "digits_random", *options)
        assert answer.code == 0, answer.err
    (changed,) = here.glob("runs/digits_random/steps=3-??????/seed_0")
    assert f"in {changed.relative_to(here)}" in answer.err.splitlines()[0]
    assert (changed / "cycles.jsonl").is_file()
    assert (here / "runs/digits_random/seed_0/cycles.jsonl").is_file()


def test_options_win_over_configs_wherever_they_stand(al: Call, here: Path) -> None:
    for arguments in (
        ["--network.width", "3", "--config", "digits_random"],
        ["--config", "digits_random", "--network.width", "3"],
        ["--config", "digits_random", "--network.width=3", "--config", "networks/wrn28.yaml"],
    ):
        answer = al("fit", "--print_config", *arguments)
        assert yaml.safe_load(answer.out)["network"]["init_args"]["width"] == 3


def test_print_config_is_a_config(al: Call, here: Path) -> None:
    printed = al("fit", "--config", "digits_coreset", "--print_config").out
    (here / "mine.yaml").write_text(printed)
    again = al("fit", "--config", "mine", "--print_config").out
    assert yaml.safe_load(again) == yaml.safe_load(printed)


def test_print_config_has_the_options_of_the_command_line_alone(al: Call, here: Path) -> None:
    given = ["--config", "digits_coreset", "--seed", 3, "--steps", 7, "--stop_on", "USR1", "--price_per_label", 2]
    printed = al("fit", *given, "--print_config").out
    alone = yaml.safe_load("\n".join(line[2:] for line in printed.splitlines()[1:] if line.startswith("# ")))
    declared = {name for name, option in DECLARED.items() if option.read is not None}
    assert set(alone) == declared - {"print_config"}
    assert alone["seed"] == 3
    assert (alone["config"], alone["stop_on"], alone["price_per_label"]) == (["digits_coreset"], ["USR1"], 2.0)
    directory = configure(["digits_coreset"], ["--steps", "7"], 3).run_dir
    assert alone["run_dir"] == str(directory)
    given_one = al("fit", *given, "--run_dir", "r", "--print_config").out
    assert "# run_dir: r\n" in given_one


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--budget.cycles", 900], ["pool of 1438"]),
        (["--budget.query", 0], ["budget.query is 0"]),
        (["--budget.initial", 0], ["budget.initial is 0"]),
        (["--budget.unit", "percent", "--budget.cycles", 30], ["pool of 1438"]),
        (["--trainer.max_epochs", 3], ["trainer.max_epochs", "--steps N"]),
        (["--steps", 3, "--epochs", 3], ["steps", "epochs", "one length"]),
        (["--steps", 0], ["steps is 0", "at least 1"]),
        (["--steps", "many"], ["steps is 'many'", "whole number"]),
        (["--data.batch_size", "x"], ["data.batch_size is 'x'", "whole number"]),
        (["--data.rooot", "x"], ["Digits", "'rooot'"]),
        (["--training.optimizer.lrr", 3], ["SGD", "'lrr'", "'lr'"]),
        (["--trainer.devicez", 2], ["trainer", "'devicez'", "'devices'"]),
        (["--acquisition", "nowhere.Mine"], ["acquisition", "'nowhere'"]),
        (["--acquisition", "al_lightning.acquisition.Entropi"], ["acquisition", "'Entropi'", "'Entropy'"]),
        (["--acquisition", "entropy"], ["acquisition", "'entropy'", "class"]),
        (["--network", "al_lightning.acquisition.Entropy"], ["network is al_lightning.acquisition.Entropy", "Network"]),
        (["--config", "networks/mobilenet.yaml"], ["DeepLabV3Plus", "class per pixel", "Classification"]),
        (["--network", "al_lightning.networks.DeepLabV3Plus"], ["DeepLabV3Plus", "--network.backbone"]),
        (["--trainer.precision", 7], ["trainer.precision is '7'", "'bf16-mixed'"]),
        (["--initial", "sorted"], ["initial is 'sorted'", "random, balanced", "spread or the import path"]),
        (["--config", "augmentation/noug.yaml"], ["noug.yaml", "'noaug'"]),
    ],
)
def test_a_mistake_costs_one_sentence(al: Call, here: Path, options: list[object], facts: list[str]) -> None:
    answer = al("fit", "--config", "digits_entropy", "--run_dir", "r", *options)
    assert answer.code == 2, answer.err
    sentence = answer.err.splitlines()[-1]
    assert not lacking(sentence, facts), sentence
    assert "Traceback" not in answer.err
    assert len(sentence) < 400
    assert not list(here.glob("r/cycle_*/member_*/weights.pt"))


def test_a_key_that_a_change_of_class_would_drop_is_an_error(al: Call, here: Path) -> None:
    (here / "other.yaml").write_text("network: {class_path: al_lightning.networks.DeepLabV3Plus}\n")
    answer = al("fit", "--config", "digits_entropy", "--config", "other", "--run_dir", "r")
    assert refused(answer, UsageError, "DeepLabV3Plus", "'depth'", "digits.yaml")


def test_verbose_shows_what_is_behind_an_error(al: Call, here: Path) -> None:
    assert "Traceback" in al("fit", "--config", "digits_entropy", "--data.batch_size", "x", "--verbose").err


def test_missing_data_say_what_where_and_how(al: Call, here: Path) -> None:
    answer = al("fit", "--config", "camvid_entropy")
    assert refused(answer, DatasetError, "data/camvid", "--data.root", "$AL_DATA", "SegNet", "train.txt")


def test_what_a_change_of_class_on_the_command_line_drops_is_said(al: Call, here: Path) -> None:
    options = [*DIGITS, "--budget.cycles", 0, "--run_dir", "r", "--training.optimizer", "torch.optim.Adam"]
    answer = al("fit", "--config", "digits_random", *options)
    assert answer.code == 0
    note = next(line for line in answer.err.splitlines() if line.startswith("note: "))
    assert "training.optimizer.momentum" in note


def test_parts_that_do_not_go_together(al: Call, here: Path, masks: Path, class_folders: Path) -> None:
    both = ["--run_dir", "r", *TINY]
    boxes = ["--config", "mask_folder_random", "--data.root", masks, "--data.classes", "[ground, box]", *both]
    answer = al("fit", *boxes, "--data.augmentation", "al_lightning.data.ImageAugmentation")
    assert refused(answer, UsageError, "ImageAugmentation", "class per image")
    colours = ["--config", "small_image_folder_random", "--data.root", class_folders, *both]
    answer = al("fit", *colours, "--data.augmentation", "al_lightning.data.SegmentationAugmentation")
    assert refused(answer, UsageError, "SegmentationAugmentation", "class per pixel")


def test_the_rate_of_a_head_is_none_of_a_network_without_a_trunk(al: Call, here: Path, masks: Path) -> None:
    boxes = ["--config", "mask_folder_random", "--data.root", masks, "--data.classes", "[ground, box]", *TINY]
    answer = al("fit", *boxes, "--network", "al_lightning.networks.UNet", "--network.width", 4, "--budget.cycles", 0)
    assert answer.code == 0
    (note,) = [line for line in answer.err.splitlines() if line.startswith("note: ") and "head_lr_factor" in line]
    assert not lacking(note, ["UNet", "training.head_lr_factor 10", "no effect"])


def test_print_config_needs_nothing_but_the_names(al: Call, here: Path) -> None:
    assert "classes: null" in al("fit", "--config", "mask_folder_entropy", "--print_config").out


@pytest.mark.parametrize("option", [["--network.backbone.weights", "null"], ["--network.backbone.weights=null"]])
def test_null_is_nothing_two_classes_deep_too(al: Call, here: Path, option: list[str]) -> None:
    answer = al("fit", "--config", "camvid_efficientnet_random", *option, "--print_config")
    assert yaml.safe_load(answer.out)["network"]["init_args"]["backbone"]["init_args"]["weights"] is None
