"""A run directory whose configuration hides a class's name in a text: nothing is imported."""

from __future__ import annotations

import contextlib
import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from al_lightning.config.rebuild import reopen
from al_lightning.errors import UsageError
from tests.support.errors import lacking
from tests.support.runs import Answer, forge
from tests.support.sent_runs import COMMANDS, imported

Call = Callable[..., Answer]


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


@pytest.mark.parametrize("command", COMMANDS)
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
        answer = al(command, *COMMANDS[command])
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
