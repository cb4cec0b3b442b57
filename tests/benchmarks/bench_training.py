"""A training step costs what the bare loop costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from al_lightning import api
from al_lightning.config.experiment import Experiment
from al_lightning.engine.fit import Fit
from al_lightning.networks import DeepLabV3Plus, ResNet, UNet, WideResNet

from . import bare
from .conftest import Bench
from .ratio import MOST, Comparison, alternate
from .rigs import AUGMENTED, DEEPLAB18, SGD, UNET, WRN28, Clock, experiment, images, new_fit, step_seconds

PLAIN = {"class_path": "al_lightning.data.ImageAugmentation", "init_args": {"auto_augment": False, "cutout": 0}}
CASES: dict[str, tuple[float, Callable[..., bare.Step], int, dict[str, Any]]] = {
    "WRN-28-2, batch 64": (
        0.95,
        bare.supervised,
        12,
        {"network": WRN28, "data": {"batch_size": 64, "workers": 2, "augmentation": AUGMENTED}},
    ),
    "DeepLabV3+ ResNet-18, 128 x 256, batch 8": (
        0.95,
        bare.supervised,
        8,
        {"network": DEEPLAB18, "pixel": True, "data": {"size": [128, 256], "batch_size": 8, "workers": 2}},
    ),
    "UDA, WRN-28-2, 16 labelled and 2 x 32": (
        0.93,
        bare.uda,
        12,
        {
            "network": WRN28,
            "training": {"class_path": "al_lightning.training.UDA", "init_args": SGD},
            "data": {
                "batch_size": 16,
                "workers": 2,
                "unlabelled": {
                    "images": "pool",
                    "batch_size": 32,
                    "views": {"original": PLAIN, "augmented": AUGMENTED},
                },
            },
        },
    ),
    "s4GAN, U-Net, 64 x 128, 8 labelled and 8": (
        0.93,
        bare.s4gan,
        12,
        {
            "network": UNET,
            "pixel": True,
            "training": {"class_path": "al_lightning.training.S4GAN", "init_args": SGD},
            "data": {"size": [64, 128], "batch_size": 8, "workers": 2, "unlabelled": {"images": "unlabelled"}},
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def bench_step(bench: Bench, tmp_path: Path, case: str) -> None:
    bound, make, steps, settings = CASES[case]
    steps *= 10 if bench.device.type == "cuda" else 1
    of = experiment(tmp_path, bench.device, steps=steps, **settings)
    done = loop_over_fit(of, make, bench.device, bench.rounds(MOST), bound)
    size = settings["data"]["batch_size"]
    bench.add(
        f"training step: the fit's images a second over the bare loop's, {case}",
        done,
        f"{1000 * done.second:.0f} ms a step, {size / done.second:.0f} labelled images a second",
        at_least=bound,
        more={"images_a_second": size / done.second},
    )


def loop_over_fit(
    of: Experiment, make: Callable[..., bare.Step], device: torch.device, rounds: int, bound: float
) -> Comparison:
    """Compare the steps of a bare loop with those of whole fits; the first steps of each are left out."""

    def ours() -> float:
        fit, clock = new_fit(of), Clock()
        fit.trainer.callbacks.append(clock)  # type: ignore[attr-defined]
        fit.train()
        return step_seconds(clock.ends)

    def loop() -> float:
        fit: Fit = new_fit(of)
        return step_seconds(bare.run(fit, make(fit, device), device))

    return alternate(loop, ours, rounds, device, bound=bound)


NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, int], int]] = {
    "WRN-28-2, batch 64": (lambda: WideResNet(10), (32, 32), 64),
    "DeepLabV3+ ResNet-18, 128 x 256, batch 4": (lambda: DeepLabV3Plus(19, ResNet(18, weights=None)), (128, 256), 4),
    "U-Net, 64 x 128, batch 8": (lambda: UNet(10), (64, 128), 8),
}


@pytest.mark.parametrize("name", NETWORKS)
def bench_layout_precision_and_compile(bench: Bench, name: str) -> None:
    make, size, batch = NETWORKS[name]
    image = images(batch, size, bench.device)

    def training(layout: torch.memory_format, low: bool = False, compiled: bool = False) -> Callable[[], None]:
        network: Any = make().to(bench.device, memory_format=layout).train()
        shown = image.to(memory_format=layout)
        call = torch.compile(network) if compiled else network
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
        steps = 1 if bench.device.type == "cpu" else 20

        def step(_: object) -> None:
            optimizer.zero_grad()
            with torch.autocast(bench.device.type, torch.bfloat16, enabled=low):
                logits = call(shown).logits
            logits.float().square().mean().backward()
            optimizer.step()

        def steps_() -> None:
            for number in range(steps):
                step(number)

        return steps_

    last, usual = torch.channels_last, torch.contiguous_format
    base = training(last)
    for what, other in (
        ("channels_last: time over the usual layout", training(usual)),
        ("float32: time over bf16-mixed", training(last, low=True)),
        ("not compiled: time over compiled", training(last, compiled=True)),
    ):
        done = alternate(base, other, bench.rounds(3), bench.device)
        bench.add(f"{what}, training {name}", done)


def bench_between_fits(bench: Bench, tmp_path: Path) -> None:
    data = {"count": 600, "test": 8, "workers": 0, "eval_batch_size": 100}
    network = {"class_path": "al_lightning.networks.WideResNet", "init_args": {"depth": 10, "width": 1}}
    settings = {
        "data": data,
        "budget": {"initial": 50, "query": 50, "cycles": 4, "unit": "images"},
        "trainer": {
            "accelerator": "gpu" if bench.device.type == "cuda" else "cpu",
            "devices": 1,
            "callbacks": [{"class_path": "benchmarks.bench_training.Moments"}],
        },
    }
    of = experiment(tmp_path, bench.device, network, **settings)
    Moments.seen.clear()
    run = api.run(of, [], show=False)
    gaps = []
    for cycle, record in enumerate(run.cycles[:-1]):
        ended, begun = Moments.seen[2 * cycle + 1], Moments.seen[2 * cycle + 2]
        aside = sum(record.cost.get(stage, 0.0) for stage in ("test", "score", "select"))
        gaps.append(begun - ended - aside)
    gaps = gaps[1:]  # the first holds what is done once
    bench.add(
        "from the end of one fit to the start of the next, selection aside",
        sum(gaps) / len(gaps),
        f"{min(gaps):.2f} to {max(gaps):.2f}; testing, scoring and selecting aside",
        unit="s",
        at_most=0.5,
    )


class Moments(Clock):
    """Notes when fits do their first step and their last."""

    seen: list[float] = []  # noqa: RUF012 - of all fits of a run, whose callbacks are new each time

    def on_train_batch_start(self, trainer: Any, *args: Any) -> None:
        """Note the first step of a fit."""
        if trainer.global_step == 0:
            self.seen.append(time.perf_counter())

    def on_train_end(self, trainer: Any, *args: Any) -> None:
        """Note the end."""
        self.seen.append(time.perf_counter())
