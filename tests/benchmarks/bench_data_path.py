"""The loader is never what a fit waits for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.data import ImageAugmentation

from . import bare
from .conftest import Bench
from .ratio import MOST, alternate
from .rigs import AUGMENTED, DEEPLAB18, WRN28, Windows, experiment, new_fit, step_seconds, workers

STREETS = {
    "class_path": "al_lightning.data.SegmentationAugmentation",
    "init_args": {"crop": [128, 256], "scale": [0.5, 1.5]},
}
CASES: dict[str, dict[str, Any]] = {
    "CIFAR with AutoAugment, WRN-28-2, batch 64": {
        "network": WRN28,
        "data": {"batch_size": 64, "workers": 2, "augmentation": AUGMENTED},
    },
    "512 x 1024 scaled and cropped to 128 x 256, DeepLabV3+ ResNet-18, batch 8": {
        "network": DEEPLAB18,
        "pixel": True,
        "data": {"size": [512, 1024], "batch_size": 8, "workers": 2, "augmentation": STREETS},
    },
}


@pytest.mark.parametrize("case", CASES)
def bench_loader(bench: Bench, tmp_path: Path, case: str) -> None:
    settings = CASES[case]
    ahead = 4 * workers(bench.device)  # twice as many as are made before the first is asked for
    of = experiment(tmp_path, bench.device, steps=3 * ahead, **settings)
    fit = new_fit(of)
    step = bare.supervised(fit, bench.device)
    batch = bare.on_device(fit, next(bare.batches(fit)), bench.device)

    def loading() -> float:
        return step_seconds(bare.run(new_fit(of), lambda batch: None, bench.device), skip=ahead)

    def computing() -> None:
        step(batch)

    on_cpu = bench.device.type == "cpu"
    rounds = bench.rounds(MOST if on_cpu else 4)
    done = alternate(computing, loading, rounds, bench.device, bound=1.0 if on_cpu else None)
    size = settings["data"]["batch_size"]
    count = of.data.workers
    bench.add(
        f"data path: the loader's images a second over what training consumes, {count} workers, {case}",
        done,
        f"{size / done.second:.0f} over {size / done.first:.0f}",
        **({"at_least": 1.0} if on_cpu else {}),
    )


def bench_augmentation_in_batches(bench: Bench) -> None:
    source = Windows(256, (32, 32), 10, per_pixel=False)
    pixels = [source.image(index) for index in range(256)]
    usual, least = ImageAugmentation(), ImageAugmentation(auto_augment=False)
    stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).to(bench.device)

    def each(augmentation: ImageAugmentation) -> None:
        for number, image in enumerate(pixels):
            augmentation(image, 0, number)

    done = alternate(lambda: each(least), lambda: in_a_batch(stacked), bench.rounds(5), bench.device)
    note = f"{256 / done.first:.0f} and {256 / done.second:.0f} images a second, {bench.device.type}"
    bench.add("augmentation of CIFAR, crop, flip and Cutout: time image by image over as one batch", done, note)
    done = alternate(lambda: each(usual), lambda: each(least), bench.rounds(5), bench.device)
    bench.add("augmentation of CIFAR: time with AutoAugment over without, image by image", done)


def in_a_batch(images: Tensor, padding: int = 4, cutout: int = 16) -> Tensor:
    """Crop, flip and cut out with tensor operations over the whole batch, (B, 3, H, W) uint8."""
    count, _, height, width = images.shape
    device = images.device
    y, x = torch.randint(0, 2 * padding + 1, (2, count, 1), device=device)
    flipped = torch.rand(count, 1, device=device) < 0.5
    columns = torch.arange(width, device=device)
    columns = x + torch.where(flipped, columns.flip(0), columns)
    rows = y + torch.arange(height, device=device)
    padded = F.pad(images.float(), (padding,) * 4, mode="reflect").to(torch.uint8)
    out = padded[torch.arange(count, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    top, left = torch.randint(0, height, (2, count, 1), device=device) - cutout // 2
    lines, places = torch.arange(height, device=device), torch.arange(width, device=device)
    inside = ((lines >= top) & (lines < top + cutout))[:, :, None] & ((places >= left) & (places < left + cutout))[
        :, None
    ]
    return out.masked_fill(inside[..., None], 128).permute(0, 3, 1, 2)
