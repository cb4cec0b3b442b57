"""Small data that the tests make, and the command line in this process."""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from label_exports import make_run
from PIL import Image

from al_lightning.cli.main import main
from al_lightning.runs.identity import bearing
from al_lightning.runs.journal import read_run, write_line
from al_lightning.runs.selections import choice_seal, rows_path, selection_path
from al_lightning.runs.store import RunStore

warnings.filterwarnings("ignore", module="lightning")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell ignores it for what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def al(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call the real command line in this process (importing Lightning costs seconds a process)."""

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AL_DATA", raising=False)
    monkeypatch.delenv("AL_CONFIG_PATH", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two cycles, whose data come with a package; to be copied, not changed."""
    where = tmp_path_factory.mktemp("runs") / "digits"
    options = ["fit", "--config", "digits_entropy", *TINY, *SMALL_NETWORK, "--budget.cycles", "1"]
    assert main([*options, "--run_dir", str(where)]) == 0
    return where


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """Three classes of coloured noise, 12 x 12: 10 images each to train on, 4 to test."""
    draw = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for number, name in enumerate(("blue", "green", "red")):
            folder = tmp_path / "classes" / split / name
            folder.mkdir(parents=True)
            for position in range(count):
                pixels = draw.integers(0, 80, (12, 12, 3), dtype=np.uint8)
                pixels[..., 2 - number] += 150
                Image.fromarray(pixels).save(folder / f"{position:02d}.png")
    return tmp_path / "classes"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Twenty images of 32 x 40 with a bright box on a dark ground, ids 0 and 1, a void border; two sequences."""
    draw = np.random.default_rng(1)
    for folder in ("images", "masks"):
        (tmp_path / "boxes" / folder).mkdir(parents=True)
    for number in range(20):
        pixels = draw.integers(0, 60, (32, 40, 3), dtype=np.uint8)
        label = np.zeros((32, 40), np.uint8)
        y, x = draw.integers(2, 16), draw.integers(2, 20)
        pixels[y : y + 12, x : x + 14] += 150
        label[y : y + 12, x : x + 14] = 1
        label[:2] = 255
        name = f"drive{number // 10}_{number % 10:03d}"
        Image.fromarray(pixels).save(tmp_path / "boxes" / "images" / f"{name}.png")
        Image.fromarray(label).save(tmp_path / "boxes" / "masks" / f"{name}.png")
    return tmp_path / "boxes"


def journal(run_dir: Path) -> list[dict[str, object]]:
    """What of a journal is deterministic: the run with its initial set, then its cycles."""
    lines = (run_dir / "cycles.jsonl").read_text().splitlines()
    first, *rest = (
        {k: v for k, v in json.loads(line).items() if k not in ("cost", "versions", "oracle", "check")}
        for line in lines
    )
    initial = {**rest.pop(0), "kind": "run"} if rest else {}
    return [{**first, **initial}, *rest]


def forge(run_dir: Path, values: dict[str, Any]) -> None:
    """Give a run another configuration as somebody would who means harm: its journal and its seals fit it."""
    (run_dir / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    run = read_run(run_dir)
    forged, lines, check = replace(run, record=replace(run.record, settings=bearing(values), classes=[])), [], ""
    for record in forged.records:
        line, check = write_line(record, check)
        lines.append(line)
    (run_dir / "cycles.jsonl").write_text("".join(lines))
    store = RunStore(run_dir)
    for cycle in range(len(run.cycles)):
        for path in (store.weights_path(cycle, 0), store.metrics_path(cycle)):
            if path.is_file():
                store.fit_seal(cycle, 0).confirm(path)
    choices = {None: run.labelled_at(0), **{done.cycle: done.chosen for done in run.cycles if done.chosen}}
    for number, chosen in choices.items():
        for path in (selection_path(run_dir, number), *([] if number is None else [rows_path(run_dir, number)])):
            choice_seal(forged, number, len(chosen)).confirm(path)


TINY = ["--steps", "6", "--data.workers", "0", "--data.batch_size", "8", "--data.eval_batch_size", "16"]
SMALL_NETWORK = ["--network.depth", "10", "--network.width", "1"]


@pytest.fixture
def image_run(here: Path) -> Path:
    return make_run(here, "image")


@pytest.fixture
def pixel_run(here: Path) -> Path:
    return make_run(here, "pixel")
