"""What the benchmarks run on: made images, experiments, fits, and a clock inside them."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import yaml
from lightning.pytorch import Callback, Trainer

from al_lightning.acquisition import Acquisition
from al_lightning.acquisition.scoring import score_pool
from al_lightning.config.experiment import Experiment, configure
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images
from al_lightning.distributed.processes import Processes
from al_lightning.engine.fit import Fit
from al_lightning.progress import Reporter
from al_lightning.seeding import generator

HERE = "benchmarks.rigs"
WRN28 = {"class_path": "al_lightning.networks.WideResNet", "init_args": {"depth": 28, "width": 2}}
DEEPLAB18 = {
    "class_path": "al_lightning.networks.DeepLabV3Plus",
    "init_args": {
        "backbone": {"class_path": "al_lightning.networks.ResNet", "init_args": {"depth": 18, "weights": None}}
    },
}
UNET = {"class_path": "al_lightning.networks.UNet", "init_args": {"width": 16}}
SGD = {"optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.01, "momentum": 0.9}}}
AUGMENTED = {"class_path": "al_lightning.data.ImageAugmentation"}
_numbers = itertools.count()


class Windows(Images):
    """Windows of one noise image, so that any number of images takes no memory; labels are windows too.

    Args:
        count: number of images.
        size: (height, width).
        classes: number of classes.
        per_pixel: whether there is a class per pixel.
    """

    def __init__(self, count: int, size: tuple[int, int], classes: int, per_pixel: bool) -> None:
        self.count, self.size, self.classes, self.per_pixel = count, size, classes, per_pixel
        draw = np.random.default_rng(0)
        shape = size[0] + 64, size[1] + 64
        self.pixels = draw.integers(0, 256, (*shape, 3), dtype=np.uint8)
        self.labels = draw.integers(0, classes, shape, dtype=np.uint8)

    def __len__(self) -> int:
        return self.count

    def _window(self, of: Array, index: int) -> Array:
        y, x = index % 64, index // 64 % 64
        return np.ascontiguousarray(of[y : y + self.size[0], x : x + self.size[1]])

    def image(self, index: int) -> Array:
        return self._window(self.pixels, index)

    def label(self, index: int) -> int | Array:
        return self._window(self.labels, index) if self.per_pixel else index % self.classes

    def name(self, index: int) -> str:
        return f"window {index}"


class PerImage(PoolDataset):
    """Made images with a class each.

    Args:
        size: (height, width).
        count: images of the training set.
        test: images of the test set.
        classes: number of classes.
        **options: see PoolDataset.
    """

    folder = "windows"
    labels: ClassVar[Literal["image", "pixel", "any"]] = "image"

    def __init__(
        self, size: tuple[int, int] = (32, 32), count: int = 1000, test: int = 8, classes: int = 10, **options: Any
    ) -> None:
        super().__init__(root=".", cache=False, **options)
        self.size, self.count, self.test_count, self.number = size, count, test, classes

    @property
    def class_names(self) -> Sequence[str]:
        return [f"class {number}" for number in range(self.number)]

    def build_train(self) -> Images:
        return Windows(self.count, self.size, self.number, self.labels == "pixel")

    def build_test(self) -> Images:
        return Windows(self.test_count, self.size, self.number, self.labels == "pixel")


class PerPixel(PerImage):
    """Made images with a class per pixel."""

    labels: ClassVar[Literal["image", "pixel", "any"]] = "pixel"


class Clock(Callback):
    """Times the steps of a fit."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        """Take the time, once the accelerator has done the step."""
        wait(trainer.strategy.root_device)
        self.ends.append(time.perf_counter())


def wait(device: torch.device) -> None:
    """Let an accelerator finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def step_seconds(ends: Sequence[float], skip: int = 2) -> float:
    """Return the mean seconds of a step, the first ones aside."""
    return (ends[-1] - ends[skip - 1]) / (len(ends) - skip)


def experiment(folder: Path, device: torch.device, network: dict[str, Any], **settings: Any) -> Experiment:
    """Return an experiment on made images; entropy on images of 32 x 32 unless told otherwise.

    Args:
        folder: for its files.
        device: where it runs.
        network: its class and arguments.
        settings: `data` holds arguments of the datamodule, `pixel` says whether there is a class per pixel, and the
            others are the configuration's own.
    """
    pixel = settings.pop("pixel", False)
    data = dict(settings.pop("data", {}))
    if "workers" in data:
        data["workers"] = data["workers"] and workers(device)
    config = {
        "data": {"class_path": f"{HERE}.{'PerPixel' if pixel else 'PerImage'}", "init_args": data},
        "task": {"class_path": f"al_lightning.tasks.{'Segmentation' if pixel else 'Classification'}"},
        "network": network,
        "training": {"class_path": "al_lightning.training.Supervised", "init_args": SGD},
        "acquisition": {"class_path": "al_lightning.acquisition.Entropy"},
        "budget": {"initial": 100, "query": 100, "cycles": 1, "unit": "images"},
        "steps": 10,
        "trainer": {"accelerator": "gpu" if device.type == "cuda" else "cpu", "devices": 1},
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"experiment_{next(_numbers)}.yaml"
    path.write_text(yaml.safe_dump(config))
    return configure([str(path)], run_dir=folder / path.stem)


def workers(device: torch.device) -> int:
    """Return how many processes load data: two beside a CPU that computes, else all cores but two."""
    return 2 if device.type == "cpu" else max(2, len(os.sched_getaffinity(0)) - 2)


def new_fit(of: Experiment, labelled: int = 100) -> Fit:
    """Return a fresh fit on the first images of the pool."""
    pool = of.data.pool().label(range(labelled))
    directory = of.run_dir / f"fit_{next(_numbers)}"
    return Fit(of, 0, 0, pool, directory, Processes(), Reporter(False))


def score(fit: Fit, acquisition: Acquisition) -> None:
    """Score the pool with a fit's network."""
    score_pool(acquisition, fit.pool, generator("candidates", 0, 0), partial(fit.score, acquisition))


def images(batch: int, size: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Return normalised images as the datamodule gives them to a network, (batch, 3, height, width) float32."""
    made = torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))
    return made.to(device, memory_format=torch.channels_last)


def resident(what: Literal["VmRSS", "VmHWM"]) -> int:
    """Return this process's resident bytes at present, or at most so far.

    Not by getrusage, whose maximum a process takes over from the one that started it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {what} in /proc/self/status")
