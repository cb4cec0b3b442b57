"""Runs that ask people for labels, and annotators who give them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.labels.store import LabelStore
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

CLASSES = ("blue", "green", "red")


SMALL = [*TINY, "--steps", "4", "--data.size", "[12, 12]", *SMALL_NETWORK, "--initial", "random"]


BUDGET = ["--budget.initial", "6", "--budget.query", "5", "--budget.cycles", "2", "--budget.unit", "images"]


MASKS = [*TINY, "--steps", "4", "--network", "al_lightning.networks.UNet", "--network.width", "4"]


MASKS += ["--data.batch_size", "4", "--training.head_lr_factor", "1"]


Call = Callable[..., Answer]


def fit(al: Call, root: Path, run_dir: Path, *more: object, config: str = "small_image_folder_coreset") -> Answer:
    settings = SMALL if config.startswith("small_image") else [*MASKS, "--data.classes", "[ground, box]"]
    return al("fit", "--config", config, "--data.root", root, "--run_dir", run_dir, *settings, *BUDGET, *more)


def ask(al: Call, root: Path, run_dir: Path, *more: object, config: str = "small_image_folder_coreset") -> Answer:
    return fit(al, root, run_dir, "--oracle", "files", *more, config=config)


def batch(run_dir: Path, name: str) -> list[dict[str, str]]:
    with (run_dir / "batches" / name / "to_label.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def class_of(name: str) -> int:
    """The class of a loose image, which its old folder tells."""
    return CLASSES.index(Path(name).parts[-2])


def say(store: LabelStore, names: Iterable[str]) -> None:
    """Play the annotator of classes."""
    store.apply({name: class_of(name) for name in names})


def draw(store: LabelStore, names: Iterable[str], truth: Path) -> None:
    """Play the annotator of masks."""
    store.apply({name: np.asarray(Image.open(truth / "masks" / Path(name).name)) for name in names})


def walk(call: Callable[[], Answer], run_dir: Path, label: Callable[[list[str]], None], most: int = 6) -> list[str]:
    """Run, and label what is asked for, until the run is done; return the batches in order."""
    seen: list[str] = []
    for _ in range(most):
        answer = call()
        if answer.code == 0:
            return seen
        assert answer.code == 76, answer.err
        new = sorted(path.name for path in (run_dir / "batches").iterdir() if path.name not in seen)
        assert new, answer.err
        for name in new:
            label([row["path"] for row in batch(run_dir, name)])
        seen += new
    raise AssertionError("the run does not end")


def result(run_dir: Path) -> list[tuple[object, ...]]:
    """The initial set, then what each cycle measured and chose."""
    first, *cycles = journal(run_dir)
    return [(first["initial"],), *((c["metrics"], c["chosen"], c["labelled"], c["budget"]) for c in cycles)]
