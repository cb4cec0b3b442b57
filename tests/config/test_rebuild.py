"""A run directory that somebody sent: what of it is built, what is imported, and what `--import` lets in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

import al_lightning
from al_lightning.config.rebuild import reopen
from al_lightning.errors import UsageError
from tests.support.errors import lacking, raises, refused
from tests.support.runs import Answer, forge
from tests.support.sent_runs import COMMANDS, NEEDED, SECTIONS, all_of_ones_own, edit, imported
from tests.support.yaml_bombs import ALIASES

Call = Callable[..., Answer]


@pytest.mark.parametrize("command", COMMANDS)
def test_only_named_modules_are_imported_and_only_for_the_sections_that_a_command_needs(
    al: Call, sent: Path, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    usual = al(command, *COMMANDS[command])
    assert usual.code == 0, usual.err
    all_of_ones_own(sent)
    for name in NEEDED[command]:
        answer = al(command, *COMMANDS[command], *(part for one in imported(sent) for part in ("--import", one)))
        section = next(key for key, value in SECTIONS.items() if value == name)
        facts = ["sent/config.yaml", f"{name}.Mine", section, f"--import {name}"]
        if command == "report":  # the numbers are worth a page
            assert answer.code == 0
            assert not lacking((sent / "page.html").read_text(), facts)
            assert not lacking(answer.err + caplog.text, ["digits_entropy, seed 0", *facts])
        else:
            assert (answer.code, lacking(answer.err, facts), answer.err.count("\n")) == (2, [], 1)
        assert name not in imported(sent)
        al(command, *COMMANDS[command], "--import", name)
        assert name in imported(sent)
    answer = al(command, *COMMANDS[command], *(part for one in NEEDED[command] for part in ("--import", one)))
    assert answer.code == 0, answer.err
    assert imported(sent) == sorted(NEEDED[command])
    assert answer.out == usual.out


@pytest.mark.parametrize(
    "command",
    [
        ["show", "sent", "--chosen"],
        ["report", "sent", "--format", "text"],
        ["labels", "status", "sent"],
        ["audit", "--images", ".", "--processes", "1"],
    ],
)
def test_commands_that_import_nothing_of_a_run(al: Call, sent: Path, command: list[str]) -> None:
    all_of_ones_own(sent)
    answer = al(*command)
    assert answer.code == (2 if command[0] == "labels" else 0), answer.err
    assert imported(sent) == []


def test_a_strategy_named_on_the_command_line_is_the_users_word_and_one_in_a_file_is_not(al: Call, sent: Path) -> None:
    answer = al("query", "sent", "--cycle", 0, "--acquisition", "sent_strategy.Mine")
    assert answer.code == 0, answer.err
    assert imported(sent) == ["sent_strategy"]
    assert answer.out == al("query", "sent", "--cycle", 0).out
    (sent / "configs/acquisition").mkdir(parents=True)
    (sent / "configs/acquisition/entropy.yaml").write_text("# not ours\nacquisition: {class_path: sent_task.Mine}\n")
    answer = al("query", "sent", "--cycle", 0, "--acquisition", "entropy")
    entropy = sent / "configs/acquisition/entropy.yaml"
    assert refused(answer, UsageError, entropy, "sent_task.Mine", "--import sent_task")
    assert imported(sent) == ["sent_strategy"]
    answer = al("query", "sent", "--cycle", 0, "--import", "sent_nothing")
    assert refused(answer, UsageError, "'sent_nothing'")


def test_the_same_from_python(sent: Path) -> None:
    usual = al_lightning.query("sent", 0)
    all_of_ones_own(sent)
    with raises(UsageError, "sent_data.Mine", "--import sent_data"):
        al_lightning.query("sent", 0)
    with raises(UsageError, "sent_data.Mine", "--import sent_data"):
        al_lightning.recommend("sent", 100)
    al_lightning.read_run("sent")
    assert imported(sent) == []
    assert al_lightning.query("sent", 0, imports=NEEDED["query"]) == usual
    assert al_lightning.recommend("sent", 100, imports=NEEDED["recommend"]).values()
    page = al_lightning.report(["sent"], "page.html", imports=NEEDED["report"])
    assert "--import" not in page.read_text()


def test_a_name_may_hide_in_a_text_or_stand_without_its_module(sent: Path) -> None:
    edit(sent, data={"init_args": {"augmentation": "sent_data.Mine"}})
    with raises(UsageError, "data.augmentation", "sent_data.Mine", "--import sent_data"):
        reopen(Path("sent"))
    edit(sent, data={"init_args": {"augmentation": {"class_path": "Mine"}}})
    with raises(UsageError, "data.augmentation", "'Mine'"):
        reopen(Path("sent"))
    edit(sent, data={"init_args": {"augmentation": {"class_path": "al_lightning.cli.main.os.system"}}})
    with raises(UsageError, "data.augmentation", "al_lightning.cli.main.os.system", "no class"):
        reopen(Path("sent"))
    (sent / "al_lightning_sent.py").write_text(f"open({str(sent / 'ran_other')!r}, 'w').close()\n")
    edit(sent, data={"init_args": {"augmentation": {"class_path": "al_lightning_sent.Mine"}}})
    with raises(UsageError, "data.augmentation", "al_lightning_sent.Mine", "--import al_lightning_sent"):
        reopen(Path("sent"))
    (sent / "more.yaml").write_text("class_path: sent_data.Mine\n")
    edit(sent, data={"init_args": {"augmentation": str(sent / "more.yaml")}})
    with pytest.raises(UsageError):  # no file is read in the place of a class
        reopen(Path("sent"))
    assert imported(sent) == []


def test_networks_are_built_without_pretrained_weights_and_nothing_is_downloaded(
    sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", None)
    backbone = {"class_path": "al_lightning.networks.ResNet", "init_args": {"depth": 18, "weights": "imagenet"}}
    values = yaml.safe_load((sent / "sent/config.yaml").read_text())
    values["network"] = {"class_path": "al_lightning.networks.DeepLabV3Plus", "init_args": {"backbone": backbone}}
    values["data"] = {"class_path": "al_lightning.data.CIFAR", "init_args": {"download": True, "root": "none"}}
    forge(sent / "sent", values)
    made = reopen(Path("sent"), sections=("network",))
    assert made.network(10).predicts == "pixel"
    assert made.data.download is False
    assert made.plain["network"]["init_args"]["backbone"]["init_args"]["weights"] == "imagenet"  # as it was trained


def test_of_a_trainer_only_what_bears_on_scores_is_kept(sent: Path) -> None:
    given = {"precision": "32-true", "deterministic": True, "benchmark": {"class_path": "sent_callback.Mine"}}
    edit(sent, trainer={**given, "devices": 7, "accelerator": "tpu", "callbacks": [{"class_path": "sent_callback.A"}]})
    made = reopen(Path("sent"), ["--trainer.devices", "1"], ("network", "acquisition"))
    assert made.trainer["precision"] == "32-true"
    assert made.trainer["deterministic"] is True
    assert [made.trainer[name] for name in ("benchmark", "callbacks")] == [None, None]
    assert (made.trainer["devices"], made.trainer["accelerator"]) == ("1", "auto")
    assert imported(sent) == []


@pytest.mark.parametrize(
    "text", ["data: [", "- 1\n", "data: 7\n", "data: {class_path: 7}\n", "data: {class_path: a}\n"]
)
def test_what_is_no_configuration_is_said(sent: Path, text: str) -> None:
    (sent / "sent/config.yaml").write_text(text)
    with pytest.raises(UsageError):
        reopen(Path("sent"))


@pytest.mark.parametrize("text", [ALIASES, "data: " + "[" * 20_000], ids=["aliases", "deep"])
def test_a_config_that_stands_for_a_billion_values(al: Call, sent: Path, text: str) -> None:
    (sent / "sent/config.yaml").write_text(text)
    begun = time.process_time()
    for command, rest in COMMANDS.items():
        answer = al(command, *rest)
        assert answer.code == (0 if command == "report" else 2)
        said = answer.err if command != "report" else (sent / "page.html").read_text()
        assert not lacking(said, ["sent/config.yaml", "too much to read"])
    assert time.process_time() - begun < 15


def test_a_config_that_was_edited_is_refused_by_the_setting(al: Call, sent: Path) -> None:
    path = sent / "sent" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    values["data"]["init_args"]["mean"] = [0.1, 0.5, 0.5]
    path.write_text(yaml.safe_dump(values))
    for command in ("predict", "export", "query", "recommend"):
        answer = al(command, *COMMANDS[command])
        assert refused(answer, UsageError, "sent/config.yaml", "data.mean: [0.5, ")
    values["data"]["init_args"]["mean"] = [0.5, 0.5, 0.5]
    values["data"]["init_args"]["workers"] = 1  # has no bearing on results
    path.write_text(yaml.safe_dump(values))
    assert al("query", *COMMANDS["query"]).code == 0
