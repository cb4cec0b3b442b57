"""Small data that the tests make, and the command line in this process."""

from __future__ import annotations

import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.cli.main import main
from tests.support.class_folders import write_class_folders
from tests.support.label_exports import make_run
from tests.support.runs import SMALL_NETWORK, TINY, Answer

warnings.filterwarnings("ignore", module="lightning")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell ignores it for what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # so does nohup, and the processes that tests start would, too
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def draws_of_each_test_alone() -> None:
    """What a test draws from torch's global generator does not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """No test cuts the power, and `os.fsync` is a fifth of a small run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda number: None)
        yield


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
    return write_class_folders(tmp_path / "classes")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Twenty images of 32 x 40 with a bright box on a dark ground, ids 0 and 1, a void border; five sequences."""
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
        name = f"drive{number // 4}_{number % 4:03d}"
        Image.fromarray(pixels).save(tmp_path / "boxes" / "images" / f"{name}.png")
        Image.fromarray(label).save(tmp_path / "boxes" / "masks" / f"{name}.png")
    return tmp_path / "boxes"


@pytest.fixture
def image_run(here: Path) -> Path:
    return make_run(here, "image")


@pytest.fixture
def pixel_run(here: Path) -> Path:
    return make_run(here, "pixel")


@pytest.fixture
def loose(class_folders: Path, tmp_path: Path) -> Path:
    """The images of `class_folders` without their classes, but for the test set; in the same order."""
    root = tmp_path / "loose"
    shutil.copytree(class_folders / "train", root / "unlabelled")
    shutil.copytree(class_folders / "test", root / "test")
    return root


@pytest.fixture
def bare(masks: Path, tmp_path: Path) -> Path:
    """The images of `masks` alone."""
    shutil.copytree(masks / "images", tmp_path / "bare" / "images")
    return tmp_path / "bare"
