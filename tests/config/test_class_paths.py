"""A configuration runs nothing: whatever stands where a class is named, in every place of every command."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.strategies import DDPStrategy

from al_lightning.config.configuration import parse
from al_lightning.config.experiment import merged
from al_lightning.config.hints import Allowed, allowed, parameters
from al_lightning.config.names import resolve
from al_lightning.data import A2D2, Augmentation
from al_lightning.errors import UsageError
from al_lightning.training import UDA
from al_lightning.training.base import sgd
from tests.support.attacks import ATTACKS, EXTRA, Place, forms, option, places, put, refused
from tests.support.errors import raises

pytestmark = pytest.mark.usefixtures("nothing_runs")
NAMES = ("digits_coreset_uda", "camvid_efficientnet_bald", "demo_11f_equal_s4gan", "cifar10_random")
TEXT_AS_WELL = {("trainer", "strategy"), ("trainer", "profiler")}
"""Where a plain text is no class path: Lightning looks the name up among its own."""


@cache
def whole(name: str) -> dict[str, Any]:
    """A configuration with all options filled in, and classes under `trainer`, which has none by itself."""
    values = merged([name])[0]
    values["trainer"] = {**values["trainer"], **EXTRA}
    return values


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
