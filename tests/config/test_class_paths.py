"""A configuration runs nothing: whatever stands where a class is named, in every place of every command."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.strategies import DDPStrategy

from al_lightning.config.configuration import parse
from al_lightning.config.experiment import merged
from al_lightning.config.hints import Allowed, allowed, parameters
from al_lightning.config.names import resolve
from al_lightning.config.rebuild import reopen
from al_lightning.data import A2D2, Augmentation
from al_lightning.errors import UsageError
from al_lightning.training import UDA
from al_lightning.training.base import sgd
from tests.support.errors import lacking, raises
from tests.support.runs import SENT_COMMANDS, Answer, forge

Call = Callable[..., Answer]
Place = tuple[str | int, ...]
MARK = "somebody_was_here"
ATTACKS: dict[str, dict[str, Any]] = {
    "os.system": {"command": f"touch {MARK}"},
    "subprocess.Popen": {"args": f"touch {MARK}", "shell": True},
    "builtins.eval": {"source": f"__import__('pathlib').Path('{MARK}').touch()"},
    "functools.partial": {"func": "os.system"},
    "torch.nn.Linear": {"in_features": 1, "out_features": 1},
}
NAMES = ("digits_coreset_uda", "camvid_efficientnet_bald", "demo_11f_equal_s4gan", "cifar10_random")
EXTRA = {
    "callbacks": [
        {"class_path": "lightning.pytorch.callbacks.LambdaCallback"},
        {"class_path": "lightning.pytorch.callbacks.ModelSummary", "init_args": {"max_depth": 1}},
    ],
    "strategy": {
        "class_path": "lightning.pytorch.strategies.DDPStrategy",
        "init_args": {
            "cluster_environment": {"class_path": "lightning.fabric.plugins.environments.LightningEnvironment"}
        },
    },
    "profiler": {"class_path": "lightning.pytorch.profilers.SimpleProfiler"},
}
TEXT_AS_WELL = {("trainer", "strategy"), ("trainer", "profiler")}
"""Where a plain text is no class path: Lightning looks the name up among its own."""
called: list[str] = []


def hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn") and MARK in repr(arguments):
        called.append(event)


sys.addaudithook(hear)  # it cannot be taken away again


@pytest.fixture(autouse=True)
def nothing_runs(here: Path) -> Iterator[None]:
    called.clear()
    yield
    assert not called
    assert not list(here.rglob(MARK))


@cache
def whole(name: str) -> dict[str, Any]:
    """A configuration with all options filled in, and classes under `trainer`, which has none by itself."""
    values = merged([name])
    values["trainer"] = {**values["trainer"], **EXTRA}
    return values


def places(values: Any, at: Place = ()) -> Iterator[Place]:
    """Where a class is named, and where one could be: a callback's hook, a schedule that is not set."""
    if isinstance(values, dict):
        if "class_path" in values:
            yield at
        if values.get("class_path", "").endswith("LambdaCallback"):
            yield (*at, "init_args", "on_train_start")
        for key, part in values.items():
            yield from places(part, (*at, key))
    elif isinstance(values, list):
        for number, part in enumerate(values):
            yield from places(part, (*at, number))


def put(values: dict[str, Any], at: Place, new: Any) -> dict[str, Any]:
    values = copy.deepcopy(values)
    holder: Any = values
    for key in at[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    holder[at[-1]] = new
    return values


def option(at: Place) -> str:
    return ".".join(str(key) for key in at if key != "init_args" and not isinstance(key, int))


def forms(path: str) -> list[Any]:
    return [{"class_path": path, "init_args": ATTACKS[path]}, {"class_path": path}, path]


def refused(parsing: Callable[[], object], name: str, path: str) -> None:
    """One sentence, which names the option and what was given."""
    with pytest.raises(UsageError) as error:
        parsing()
    text = str(error.value)
    assert path in text or path.rpartition(".")[2] in text, text
    assert text.startswith(name), text
    assert "\n" not in text
    assert len(text) < 350, text


def known_places(names: Sequence[str]) -> dict[tuple[str, ...], tuple[str, Place]]:
    """Places of some configurations, each kind once."""
    found: dict[tuple[str, ...], tuple[str, Place]] = {}
    for name in names:
        for at in places(whole(name)):
            found.setdefault((option(at), *map(str, at)), (name, at))
    return found


def test_the_shipped_configurations_pass_with_all_their_options() -> None:
    for name in NAMES:
        parse(whole(name))


@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_no_place_of_a_configuration_takes_what_is_none_of_its_classes(everything: bool) -> None:
    every = [(name, at) for name in NAMES for at in places(whole(name))]
    tried = 0
    for name, at in every if everything else known_places(NAMES).values():
        for path in ATTACKS:
            step = 1 if everything else 2 if path == "os.system" else 3  # the third form is a text
            for form in forms(path)[::step]:
                if isinstance(form, str) and at in TEXT_AS_WELL:
                    continue
                refused(partial(parse, put(whole(name), at, form)), option(at), path)
                tried += 1
    assert tried > (600 if everything else 100)


def test_no_option_of_the_command_line_takes_it() -> None:
    found = {option(at): name for name, at in known_places(NAMES).values() if at[0] != "trainer"}
    found["trainer.callbacks"] = NAMES[0]
    for at, name in found.items():
        for path in ("os.system", "functools.partial"):
            inside = [f"--{at}.{key}={value}" for key, value in ATTACKS[path].items()]
            as_text = [f"--{at}={json.dumps({'class_path': path, 'init_args': ATTACKS[path]})}"]
            for options in ([f"--{at}", path, *inside], as_text):
                with pytest.raises(UsageError) as error:
                    parse(resolve([name]).values, options)
                assert at.split(".")[0] in str(error.value)
                assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        (
            {"callbacks": [{"class_path": "lightning.pytorch.callbacks.LambdaCallback",
                            "init_args": {"on_fit_start": "os.abort"}}]},
            ["trainer.callbacks.on_fit_start", "os.abort"],
        ),
        (
            {"strategy": {"class_path": "lightning.pytorch.strategies.DDPStrategy",
                          "init_args": {"ddp_comm_hook": "os.abort"}}},
            ["trainer.strategy.ddp_comm_hook", "os.abort"],
        ),
        (
            {"profiler": {"class_path": "lightning.pytorch.profilers.PyTorchProfiler",
                          "init_args": {"sort_by_key": {"class_path": "os.abort"}}}},
            ["trainer.profiler.sort_by_key", "os.abort"],
        ),
    ],
)  # fmt: skip
def test_what_other_libraries_classes_call_is_not_set_from_configurations(
    values: dict[str, Any], facts: list[str]
) -> None:
    made = whole("digits_coreset_uda")
    made = {**made, "trainer": {**made["trainer"], **values}}
    with raises(UsageError, *facts):
        parse(made)


def test_a_default_of_our_own_that_is_a_function_stays(here: Path) -> None:
    values = copy.deepcopy(whole("digits_coreset_uda"))
    values["training"]["init_args"]["optimizer"] = "al_lightning.training.base.sgd"
    config = parse(values)
    assert config.values.training.init_args.optimizer is sgd
    values["training"]["init_args"]["optimizer"] = "al_lightning.training.base.seed_global"
    with raises(UsageError, "training.optimizer", "al_lightning.training.base.seed_global", "Optimizer"):
        parse(values)


def test_a_class_of_ones_own_is_taken_where_it_is_derived_from_what_is_declared(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "mine_for_class_paths.py").write_text(
        "import torch\nfrom al_lightning.training import Supervised\n"
        "class Slow(torch.optim.SGD):\n    pass\n"
        "class Trained(Supervised):\n"
        "    def __init__(self, network, task, steps, key, more: dict[str, Slow] | None = None, **options):\n"
        "        super().__init__(network, task, steps, key, **options)\n"
    )
    monkeypatch.syspath_prepend(str(here))
    slow = {"class_path": "mine_for_class_paths.Slow", "init_args": {"lr": 0.1}}
    values = {**whole("digits_coreset_uda")}
    values["training"] = {"class_path": "mine_for_class_paths.Trained", "init_args": {"optimizer": slow}}
    values["data"] = copy.deepcopy(values["data"])
    values["data"]["init_args"]["unlabelled"] = None
    parse(values)
    values["training"]["init_args"]["more"] = {"one": {"class_path": "os.system", "init_args": ATTACKS["os.system"]}}
    with raises(UsageError, "training.more.one", "os.system", "Slow"):
        parse(values)


def test_what_constructors_declare() -> None:
    def of(owner: type, name: str, ours: bool = True) -> Allowed:
        return allowed(parameters(owner)[name][0], ours)

    assert of(UDA, "optimizer").classes == (torch.optim.Optimizer,)  # of a base, through **options
    assert of(UDA, "optimizer", ours=False) == Allowed(callables=True, only_classes=True)
    assert of(A2D2, "augmentation").classes == (Augmentation,)
    assert of(A2D2, "pool") == Allowed(text=True)
    assert of(LambdaCallback, "on_fit_start", ours=False) == Allowed(callables=True, null=True, only_classes=True)
    assert of(DDPStrategy, "ddp_comm_hook", ours=False).callables
    callbacks = of(Trainer, "callbacks")
    assert [base.__name__ for base in callbacks.classes] == ["Callback"]
    assert callbacks.inner is callbacks.classes[0]
    for anything in (None, Any, object, dict, list, dict[str, Any], list[object], "unresolved"):
        hint = allowed(anything, ours=True)
        assert not hint.classes
        assert not allowed(hint.inner, ours=True).classes


def changed(digits_run: Path, here: Path, at: Place, new: Any) -> Path:
    """A copy of the run, of which somebody edited a place of config.yaml."""
    copied = here / "sent"
    if not copied.is_dir():
        shutil.copytree(digits_run, copied)
    forge(copied, put(config_of(digits_run), at, new))
    return copied


def config_of(digits_run: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((digits_run / "config.yaml").read_text())
    values["trainer"].update(EXTRA)
    return values


def test_no_place_of_a_run_directory_takes_it(digits_run: Path, here: Path) -> None:
    values = config_of(digits_run)
    inside = [("network", "init_args", "depth"), ("data", "init_args", "augmentation"), ("data", "init_args", "mean")]
    for at in [*places(values), *inside]:
        used = at[0] in ("data", "network", "acquisition", "oracle")
        for path in ATTACKS if used else ("os.system",):
            for form in forms(path)[: (2 if at[-1] in ("depth", "mean") else 3) if used else 1]:
                copied = changed(digits_run, here, at, form)
                sections = ("network", "acquisition")
                if not used:
                    assert reopen(copied, (), sections).acquisition is not None
                    continue
                module = path.rpartition(".")[0]
                with raises(UsageError, copied / "config.yaml", path, option(at), f"--import {module}"):
                    reopen(copied, (), sections)
                refused(partial(reopen, copied, (), sections, (module,)), option(at), path)


USED = {
    "predict": ("data", "network", "oracle"),
    "export": ("data", "network", "oracle"),
    "query": ("data", "network", "oracle", "acquisition"),
    "recommend": ("data", "oracle"),
    "report": (),  # it says so on the page, and goes on
}


@pytest.mark.parametrize("command", SENT_COMMANDS)
@pytest.mark.parametrize("section", ["task", "network", "data"])
def test_commands_about_a_run_directory(
    al: Call, digits_run: Path, here: Path, command: str, section: str, caplog: pytest.LogCaptureFixture
) -> None:
    changed(digits_run, here, (section,), {"class_path": "os.system", "init_args": ATTACKS["os.system"]})
    shutil.copyfile(Path(__file__).parents[2] / "docs" / "streets.png", here / "image.png")
    answer = al(command, *SENT_COMMANDS[command])
    if section in USED[command]:
        facts = ["sent/config.yaml", "os.system", section, "--import os"]
        assert (answer.code, lacking(answer.err, facts), answer.err.count("\n")) == (2, [], 1)
        answer = al(command, *SENT_COMMANDS[command], "--import", "os")
        assert (answer.code, lacking(answer.err, ["os.system", section])) == (2, [])
        assert "--import" not in answer.err
    else:
        assert answer.code == 0, answer.err
    if command == "report" and section == "data":
        for said in (answer.err + caplog.text, (here / "page.html").read_text()):
            assert not lacking(said, ["sent/config.yaml", "os.system", "--import os"])


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "--config", "digits_entropy", "--config", "bad"],
        ["fit", "--config", "digits_entropy", "--config", "bad", "--print_config"],
        ["fit", "--config", "digits_entropy", "--network.class_path", "os.system", f"--network.command=touch {MARK}"],
        ["fit", "--config", "digits_entropy", "--trainer.callbacks=os.abort"],
        ["fit", "--config", "digits_entropy", "--trainer.strategy=os.abort", "--run_dir", "r"],
        ["fit", "--config", "digits_entropy", "--settings", "bad.yaml"],
        ["fit", "--config", "digits_entropy", "--config", "more"],
        ["audit", "digits", "bad"],
        ["prepare", "digits", "bad"],
    ],
)
def test_commands_about_a_config(al: Call, here: Path, command: list[str]) -> None:
    section = "data" if command[0] != "fit" else "network"
    bad = {"class_path": "os.system", "init_args": ATTACKS["os.system"]}
    (here / "more.yaml").write_text("settings: bad.yaml\n")  # the parser's own option, which reads a file
    (here / "bad.yaml").write_text(f"{section}: !replace {json.dumps(bad)}\n")
    answer = al(*command)
    assert answer.code == 2, answer.err
    *_, last = answer.err.splitlines()
    assert last.startswith("al-lightning: "), answer.err
