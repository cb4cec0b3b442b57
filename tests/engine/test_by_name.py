"""Every strategy by its name, on images of digits, a synthetic video, a tree of CamVid's layout, and vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.image_files import write_image, write_mask
from tests.support.processes import ROOT
from tests.support.runs import TINY, Answer, journal

Call = Callable[..., Answer]
NAMES = sorted(
    path.stem for path in (ROOT / "configs/acquisition").glob("*.yaml") if not path.stem.startswith(("full", "uniform"))
)
OF_CLASSES = {"alfamix", "bait", "dropquery", "variation_ratio"}
"""Strategies for a class per image."""
OF_PIXELS = {"equal", "learning_loss", "variation_ratio"}
"""Strategies that do more with images than to encode them, or fit several networks: not for a probe."""
BUDGET = ["--budget.unit", "images", "--budget.initial", 6, "--budget.query", 4, "--budget.cycles", 1]


def chooses(al: Call, name: str, *options: object) -> None:
    answer = al("fit", "--config", name, *BUDGET, "--data.workers", 0, *options, "--run_dir", "run")
    assert answer.code == 0, answer.err
    lines = journal(Path("run"))
    assert len(lines[1]["chosen"]) == 4  # type: ignore[arg-type]
    assert lines[2]["labelled"] == 10


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_on_digits(al: Call, here: Path, name: str) -> None:
    chooses(al, f"digits_{name}", "--initial", "random", "--steps", 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_CLASSES])
def test_on_streets(al: Call, here: Path, name: str) -> None:
    chooses(al, f"demo_11f_{name}", "--data.pool_size", 48, "--network.width", 4, "--steps", 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_CLASSES])
def test_on_camvid(al: Call, here: Path, name: str) -> None:
    for split, count in (("train", 14), ("test", 3)):
        lines = []
        for number in range(count):
            file = f"0001TP_{number + 100 * len(split):06d}"
            write_image(here / "data" / split / f"{file}.png", size=(24, 32), value=10 * number)
            label = np.tile([0, 4, number % 11, 11], (24, 8))
            write_mask(here / "data" / f"{split}annot" / f"{file}.png", label)
            lines.append(f"/SegNet/CamVid/{split}/{file}.png /SegNet/CamVid/{split}annot/{file}.png\n")
        (here / "data" / f"{split}.txt").write_text("".join(lines))
    network = ["--network", "al_lightning.networks.UNet", "--network.width", 4, "--training.head_lr_factor", 1]
    chooses(al, f"camvid_{name}", "--data.root", "data", "--data.size", "[24, 32]", *network, *TINY)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_PIXELS])
def test_on_vectors(al: Call, here: Path, class_folders: Path, name: str) -> None:
    images = sorted(class_folders.rglob("*.png"))
    classes = np.array([["blue", "green", "red"].index(path.parent.name) for path in images])
    vectors = np.random.default_rng(0).normal(size=(len(images), 4)) + 3 * np.eye(4)[classes]
    np.savez(here / "v.npz", vectors=vectors, names=[str(path.relative_to(class_folders)) for path in images])
    chooses(al, f"image_folder_vectors_{name}_probe", "--data.root", class_folders, "--network.vectors", "v.npz")
