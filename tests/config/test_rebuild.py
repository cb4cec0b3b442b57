"""A run directory that somebody sent: what of it is built, what is imported, and what `--import` lets in."""

from __future__ import annotations

import contextlib
import copy
import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import al_lightning
from al_lightning.config.rebuild import reopen
from al_lightning.errors import UsageError
from tests.support.errors import lacking, raises, refused
from tests.support.runs import SENT_COMMANDS, Answer, forge

Call = Callable[..., Answer]
MODULES = {
    "sent_data": "from al_lightning.data import Digits\nclass Mine(Digits):\n    pass\n",
    "sent_network": "from al_lightning.networks import WideResNet\nclass Mine(WideResNet):\n    pass\n",
    "sent_strategy": "from al_lightning.acquisition import Entropy\nclass Mine(Entropy):\n    pass\n",
    "sent_oracle": "from al_lightning.oracle import Simulated\nclass Mine(Simulated):\n    pass\n",
    "sent_task": "",
    "sent_training": "",
    "sent_callback": "",
}
SECTIONS = {"data": "sent_data", "network": "sent_network", "acquisition": "sent_strategy", "oracle": "sent_oracle"}
NEEDED = {
    "predict": ["sent_data", "sent_oracle", "sent_network"],
    "export": ["sent_data", "sent_oracle", "sent_network"],
    "query": ["sent_data", "sent_oracle", "sent_network", "sent_strategy"],
    "recommend": ["sent_data", "sent_oracle"],
    "report": ["sent_data", "sent_oracle"],
}


@pytest.fixture
def sent(digits_run: Path, here: Path) -> Iterator[Path]:
    """A folder as somebody sent it, and as the user works in it: a run, and modules that tell when they are run."""
    for name, text in MODULES.items():
        (here / f"{name}.py").write_text(f"open({str(here / f'ran_{name}')!r}, 'w').close()\n{text}")
    shutil.copytree(digits_run, here / "sent")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "image.png")
    before = list(sys.path)
    for name in MODULES:
        sys.modules.pop(name, None)
    yield here
    assert sys.path == before
    for name in MODULES:
        sys.modules.pop(name, None)


def edit(folder: Path, **sections: Any) -> None:
    path = folder / "sent" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    for name, value in sections.items():
        if isinstance(value, str):
            values[name]["class_path"] = value
        else:
            values[name].update(value)
    forge(path.parent, values)


def imported(folder: Path) -> list[str]:
    return sorted(path.name.removeprefix("ran_") for path in folder.glob("ran_*"))


def all_of_ones_own(folder: Path) -> None:
    """Every class of the run is one of the modules beside it."""
    callback = {"callbacks": {"class_path": "sent_callback.Mine"}, "profiler": {"class_path": "sent_callback.Mine"}}
    edit(folder, **{name: f"{module}.Mine" for name, module in SECTIONS.items()}, trainer=callback)
    edit(folder, task="sent_task.Mine", training="sent_training.Mine")


@pytest.mark.parametrize("command", SENT_COMMANDS)
def test_only_named_modules_are_imported_and_only_for_the_sections_that_a_command_needs(
    al: Call, sent: Path, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    usual = al(command, *SENT_COMMANDS[command])
    assert usual.code == 0, usual.err
    all_of_ones_own(sent)
    for name in NEEDED[command]:
        answer = al(command, *SENT_COMMANDS[command], *(part for one in imported(sent) for part in ("--import", one)))
        section = next(key for key, value in SECTIONS.items() if value == name)
        facts = ["sent/config.yaml", f"{name}.Mine", section, f"--import {name}"]
        if command == "report":  # the numbers are worth a page
            assert answer.code == 0
            assert not lacking((sent / "page.html").read_text(), facts)
            assert not lacking(answer.err + caplog.text, ["digits_entropy, seed 0", *facts])
        else:
            assert (answer.code, lacking(answer.err, facts), answer.err.count("\n")) == (2, [], 1)
        assert name not in imported(sent)
        al(command, *SENT_COMMANDS[command], "--import", name)
        assert name in imported(sent)
    answer = al(command, *SENT_COMMANDS[command], *(part for one in NEEDED[command] for part in ("--import", one)))
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


@pytest.fixture
def installed(sent: Path) -> Iterator[Path]:
    """The folder of `sent`, whose modules can be imported from anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(sent))
        yield sent


def within(text: str) -> str:
    """The text as a quoted text of a text."""
    return json.dumps(text)


SPELLINGS = {
    "flow": "{class_path: MODULE.x}",
    "spaced": "\n  {  class_path  :  MODULE.x  }\n\n",
    "block": "class_path: MODULE.x\ninit_args:\n  a: 1\n",
    "json": '{"class_path": "MODULE.x", "init_args": {}}',
    "quoted": "{'class_path': 'MODULE.x'}",
    "key-in-question": "? class_path\n: MODULE.x\n",
    "document": "--- # a comment\nclass_path: MODULE.x\n...\n",
    "tagged": "!!map {class_path: !!str MODULE.x}",
    "escaped": '{"class\\x5fpath": "MODULE\\x2ex"}',
    "folded": "class_path: >-\n  MODULE.x\n",
    "list": "[{class_path: MODULE.x}]",
    "block-list": "- class_path: MODULE.x\n- {class_path: MODULE.y}\n",
    "anchor": "{init_args: {a: &a MODULE.x}, class_path: *a}",
    "merged": "<<: &a {class_path: MODULE.x}\n",
    "twice": "{class_path: al_lightning.data.NoAugmentation, class_path: MODULE.x}",
    "inner": "{a: {b: [{class_path: MODULE.x}]}}",
    "text-in-text": "{init_args: {a: " + within("{class_path: MODULE.x}") + "}, class_path: al_lightning.data.CutOut}",
    "list-in-text": "[" + within("[" + within("{class_path: MODULE.x}") + "]") + "]",
    "init_args-as-text": "{class_path: al_lightning.data.Zoom, init_args: "
    + within("{p: {class_path: MODULE.x}}")
    + "}",
    "given-first": "{init_args: {class_path: MODULE.x}}",
    "date": "{class_path: MODULE.x, at: 2020-13-45}",
}
PLACES: dict[str, tuple[str, ...]] = {
    "network": ("network",),
    "network.init_args": ("network", "init_args"),
    "network.depth": ("network", "init_args", "depth"),
    "data": ("data",),
    "data.init_args": ("data", "init_args"),
    "data.augmentation": ("data", "init_args", "augmentation"),
    "data.unlabelled": ("data", "init_args", "unlabelled"),
    "data.unlabelled.views": ("data", "init_args", "unlabelled", "init_args", "views"),
    "data.mean": ("data", "init_args", "mean"),
    "data.timeout": ("data", "init_args", "timeout"),
    "oracle": ("oracle",),
    "acquisition": ("acquisition",),
    "budget.query": ("budget", "query"),
    "trainer.benchmark": ("trainer", "benchmark"),
    "dotted": ("data", "init_args", "augmentation.class_path"),
    "dotted, whole": ("data", "init_args.augmentation"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_text_that_is_yaml_names_no_module_either(
    installed: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = yaml.safe_load((installed / "sent" / "config.yaml").read_text())
    for text in SPELLINGS.values():
        values = copy.deepcopy(whole)
        *path, last = PLACES[place]
        holder = values
        for key in path:
            holder[key] = holder.get(key) or {}
            holder = holder[key]
        holder.pop(last.split(".")[0] if place == "dotted" else "", None)
        holder[last] = (
            text.replace("MODULE", "sent_task") if "dotted," in place or "dotted" not in place else "sent_task.x"
        )
        forge(installed / "sent", values)
        with contextlib.suppress(UsageError):  # some texts are as good as any: nothing is made of them
            reopen(Path("sent"), sections=("network", "acquisition"))
        assert imported(installed) == [], text
        assert "sent_task" not in sys.modules
    assert "Zen" not in capsys.readouterr().out


@pytest.mark.parametrize("command", SENT_COMMANDS)
@pytest.mark.parametrize("spelling", ["flow", "block", "list-in-text"])
def test_no_command_imports_what_a_text_names(
    al: Call, installed: Path, command: str, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    for module in ("sent_task", "this"):
        text = SPELLINGS[spelling].replace("MODULE", module)
        values = yaml.safe_load((installed / "sent" / "config.yaml").read_text())
        values["data"]["init_args"]["augmentation"] = text
        forge(installed / "sent", values)
        answer = al(command, *SENT_COMMANDS[command])
        said = answer.err if command != "report" else (installed / "page.html").read_text()
        assert not lacking(said, ["data.augmentation", f"{module}.x", f"--import {module}"])
        assert answer.code == (0 if command == "report" else 2)
        assert imported(installed) == []
        assert {"this", "sent_task"} & sys.modules.keys() == set()
        assert "Zen" not in answer.out


def test_what_the_command_line_names_is_the_users_word(installed: Path) -> None:
    (installed / "sent_task.py").write_text(
        "from al_lightning.data import NoAugmentation\nclass Mine(NoAugmentation): pass\n"
    )
    for option in ("--data.augmentation=sent_task.Mine", "--data.augmentation={class_path: sent_task.Mine}"):
        assert type(reopen(Path("sent"), [option]).data.augmentation).__name__ == "Mine"


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


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize("text", [BOMB, "data: " + "[" * 20_000], ids=["aliases", "deep"])
def test_a_config_that_stands_for_a_billion_values(al: Call, sent: Path, text: str) -> None:
    (sent / "sent/config.yaml").write_text(text)
    begun = time.process_time()
    for command, rest in SENT_COMMANDS.items():
        answer = al(command, *rest)
        assert answer.code == (0 if command == "report" else 2)
        said = answer.err if command != "report" else (sent / "page.html").read_text()
        assert not lacking(said, ["sent/config.yaml", "too much to read"])
    assert time.process_time() - begun < 15


HOSTILE = [
    "timm", "yaml", "torch", "torchvision", "lightning", "numpy", "PIL", "jsonargparse", "albumentations",
    "sklearn", "matplotlib", "rich", "tensorboard", "json", "typing", "argparse", "logging", "pickle", "socket",
    "multiprocessing", "subprocess", "tempfile", "csv", "dataclasses", "__future__", "sent_data", "configs",
    "usercustomize",
]  # fmt: skip


def hostile(folder: Path) -> None:
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(f"open({str(folder / f'ran_{name}')!r}, 'w').close()\nraise SystemExit(9)\n")


def start(folder: Path, how: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process, in the folder, the installed way or by `python -m`."""
    script = [sys.executable, str(Path(sysconfig.get_path("scripts")) / "al-lightning")]
    root = str(Path(al_lightning.__file__).parents[1])
    return subprocess.run(
        [*(script if how == "script" else [sys.executable, "-m", "al_lightning"]), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("how", ["script", "module"])
def test_a_folder_with_modules_of_known_names_is_no_import_path(sent: Path, how: str) -> None:
    hostile(sent)
    done = start(sent, how, "show", "sent")
    assert (done.returncode, imported(sent)) == (0, []), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "module"])
@pytest.mark.parametrize(
    "command",
    [
        *([name, *rest] for name, rest in SENT_COMMANDS.items()),
        ["query", "sent", "--cycle", "0", "--trainer.devices", "2", "--trainer.accelerator", "cpu"],
        ["query", "sent", "--cycle", "0", "--data.workers", "2"],
        ["labels", "status", "sent"],
        ["audit", "--images", ".", "--processes", "2"],
        ["configs"],
    ],
    ids=" ".join,
)
def test_no_command_about_runs_or_images_imports_from_a_folder_that_was_sent(
    sent: Path, how: str, command: list[str]
) -> None:
    hostile(sent)
    done = start(sent, how, *command)
    assert (done.returncode, imported(sent)) == (2 if command[0] == "labels" else 0, []), done.stderr
    if command[0] == "predict":
        with (sent / "out/predictions.csv").open() as file:
            assert len(list(csv.reader(file))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "module"])
def test_named_modules_reach_every_process_of_a_query(sent: Path, how: str) -> None:
    all_of_ones_own(sent)
    named = [part for name in NEEDED["query"] for part in ("--import", name)]
    two = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--data.workers", "1"]
    done = start(sent, how, "query", "sent", "--cycle", "0", *named, *two)
    assert done.returncode == 0, done.stderr
    assert imported(sent) == sorted(NEEDED["query"])
    assert json.loads(done.stdout) == al_lightning.query("sent", 0, imports=NEEDED["query"])


@pytest.mark.slow
def test_a_config_that_the_user_gives_finds_modules_beside_it(sent: Path) -> None:
    (sent / "mine.yaml").write_text("# one's own\nacquisition: !replace {class_path: sent_strategy.Mine}\n")
    done = start(sent, "module", "fit", "--config", "digits_entropy", "--config", "mine", "--print_config")
    assert done.returncode == 0, done.stderr
    assert imported(sent) == ["sent_strategy"]


def test_a_config_that_was_edited_is_refused_by_the_setting(al: Call, sent: Path) -> None:
    path = sent / "sent" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    values["data"]["init_args"]["mean"] = [0.1, 0.5, 0.5]
    path.write_text(yaml.safe_dump(values))
    for command in ("predict", "export", "query", "recommend"):
        answer = al(command, *SENT_COMMANDS[command])
        assert refused(answer, UsageError, "sent/config.yaml", "data.mean: [0.5, ")
    values["data"]["init_args"]["mean"] = [0.5, 0.5, 0.5]
    values["data"]["init_args"]["workers"] = 1  # has no bearing on results
    path.write_text(yaml.safe_dump(values))
    assert al("query", *SENT_COMMANDS["query"]).code == 0
