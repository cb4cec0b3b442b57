"""A run's command, and that of another seed, strategy or training: from its journal, or from the parts of its name."""

from __future__ import annotations

import pytest

from al_lightning.config.commands import command_of
from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import run_name

PARTS = {"datasets": "digits", "augmentation": "noaug", "acquisition": "entropy", "training": "supervised"}
OPTIONS = ["--data.root", "my data", "--steps=6", "--training.optimizer.lr", "0.1"]


def a_record(command: list[str], seed: int = 2, settings: dict[str, str] | None = None, **parts: str) -> RunRecord:
    own = {**PARTS, **parts}
    return RunRecord(run_name(own), seed, settings or {}, 9, parts=own, command=command)


def test_a_command_is_that_of_the_run_and_of_other_seeds_in_directories_beside() -> None:
    record = a_record(["--config", "digits_noaug_entropy", *OPTIONS])
    line = "al-lightning fit --config digits_noaug_entropy --data.root 'my data' --steps=6 --training.optimizer.lr 0.1"
    assert command_of(record, 2) == f"{line} --seed 2"
    assert command_of(record, None) == f"{line} --seed $seed"
    named = ["--config", "digits_noaug_entropy", "--share", "other/seed_2", "--run_dir"]
    line = "al-lightning fit --config digits_noaug_entropy"
    assert command_of(a_record([*named, "out/seed_2"]), 2) == (
        f"{line} --share other/seed_2 --seed 2 --run_dir out/seed_2"
    )
    assert command_of(a_record([*named, "my runs/seed_2"]), 3) == f"{line} --seed 3 --run_dir 'my runs'/seed_3"
    assert command_of(a_record([*named, "out/first"]), 3) == f"{line} --seed 3"  # no directory of two runs


def test_another_strategy_keeps_the_options_that_it_can_have() -> None:
    options = [*OPTIONS, "--acquisition", "my.Entropy", "--acquisition.base=2", "--network.width", "1"]
    record = a_record(["--config", "digits_noaug_entropy", *options], acquisition="my.Entropy")
    line = "al-lightning fit --config digits_noaug_coreset --data.root 'my data' --steps=6 --training.optimizer.lr 0.1"
    assert command_of(record, 0, "coreset") == f"{line} --network.width 1 --seed 0"
    uda = ["--training.ema", "0.9", "--training.warm_up", "5", "--data.unlabelled.batch_size", "4"]
    record = a_record(["--config", "digits_noaug_entropy_uda", *uda], training="uda")
    line = "al-lightning fit --config digits_noaug_random"
    assert command_of(record, 0, "random") == f"{line}_uda {' '.join(uda)} --seed 0"
    assert command_of(record, 0, "random", "supervised") == f"{line} --training.warm_up 5 --seed 0"
    home = a_record(["--config", "digits_noaug_entropy", "--run_dir", "out/digits_noaug_entropy/seed_2"])
    assert command_of(home, 1, "random") == f"{line} --seed 1 --run_dir out/digits_noaug_random/seed_1"
    assert command_of(home, 1, "random", "uda") == f"{line}_uda --seed 1 --run_dir out/digits_noaug_random_uda/seed_1"


@pytest.mark.parametrize(
    ("configs", "wanted"),
    [
        (["digits_entropy", "mine.yaml"], ["digits_random", "mine.yaml"]),
        (["mine", "digits_entropy"], ["mine", "digits_random"]),
        (["datasets/digits.yaml", "acquisition/entropy", "mine"], ["digits_random", "mine"]),
        (["mine"], []),  # it may say everything
        (["digits_entropy", "gone/mine.yaml"], []),
    ],
)
def test_files_of_ones_own_stay_and_parts_become_a_name(here, configs, wanted) -> None:  # type: ignore[no-untyped-def]
    (here / "mine.yaml").write_text("steps: 5\n")
    record = a_record([word for config in configs for word in ("--config", config)], other="mine")
    line = " ".join(["al-lightning fit", *(f"--config {config}" for config in wanted), "--seed 0"])
    assert command_of(record, 0, "random") == (line if wanted else "")


@pytest.mark.parametrize(
    ("axes", "command"),
    [
        ((), "digits_noaug_entropy_uda"),
        (("acquisition",), "digits_noaug_random_uda --acquisition my_code.X"),
        (("training",), "digits_noaug_entropy --training my.Train"),
        (("networks",), "digits_noaug_entropy_uda --network my.Net"),
        (("datasets",), "DATASET_noaug_entropy_uda --data my.Leaves"),
    ],
)
def test_without_a_command_the_parts_of_the_name_give_one(axes: tuple[str, ...], command: str) -> None:
    classes = {"datasets": "my.Leaves", "networks": "my.Net", "acquisition": "my_code.X", "training": "my.Train"}
    sections = {"datasets": "data", "networks": "network"}
    settings = {f"{sections.get(axis, axis)}.class_path": path for axis, path in classes.items()}
    record = a_record([], 0, settings, **{"training": "uda", **{axis: classes[axis] for axis in axes}})
    assert command_of(record, 3) == f"al-lightning fit --config {command} --seed 3"


def test_without_a_command_another_strategy_keeps_what_the_setting_is() -> None:
    record = a_record([], 0, {"network.class_path": "my.Net"}, networks="my.Net", other="mine")
    line = "al-lightning fit --config digits_noaug_coreset"
    assert command_of(record, 0, "coreset") == f"{line} --network my.Net --seed 0"
    assert command_of(record, 0, "coreset", "uda") == f"{line}_uda --network my.Net --seed 0"
    assert command_of(record, 0) == "al-lightning fit --config digits_noaug_entropy --network my.Net --seed 0"
    assert command_of(RunRecord("mine", 0, {}, 9, parts={"other": "mine"}), 0, "random") == ""
