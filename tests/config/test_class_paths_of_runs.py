"""Commands on a run directory or a config that somebody edited: whatever it names as a class, nothing runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from al_lightning.config.rebuild import reopen
from al_lightning.errors import UsageError
from tests.support.attacks import ATTACKS, EXTRA, MARK, Place, forms, option, places, put, refused
from tests.support.errors import lacking, raises
from tests.support.runs import Answer, forge
from tests.support.sent_runs import COMMANDS

pytestmark = pytest.mark.usefixtures("nothing_runs")
Call = Callable[..., Answer]


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


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("section", ["task", "network", "data"])
def test_commands_about_a_run_directory(
    al: Call, digits_run: Path, here: Path, command: str, section: str, caplog: pytest.LogCaptureFixture
) -> None:
    changed(digits_run, here, (section,), {"class_path": "os.system", "init_args": ATTACKS["os.system"]})
    shutil.copyfile(Path(__file__).parents[2] / "docs" / "streets.png", here / "image.png")
    answer = al(command, *COMMANDS[command])
    if section in USED[command]:
        facts = ["sent/config.yaml", "os.system", section, "--import os"]
        assert (answer.code, lacking(answer.err, facts), answer.err.count("\n")) == (2, [], 1)
        answer = al(command, *COMMANDS[command], "--import", "os")
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
