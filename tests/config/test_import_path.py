"""Commands in a folder that somebody sent: modules there with known names are not imported."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import al_lightning
from tests.support.sent_runs import COMMANDS, NEEDED, all_of_ones_own, imported

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
        *([name, *rest] for name, rest in COMMANDS.items()),
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
