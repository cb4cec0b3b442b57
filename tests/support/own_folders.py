"""Folders of one's own, and the options of a run of one step on them."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.odd_images import noise
from tests.support.runs import SMALL_NETWORK

BUDGET = ["--steps", 1, "--data.workers", 0, "--data.batch_size", 2, "--budget.unit", "images", "--budget.initial", 4]
BUDGET += ["--budget.query", 2, "--budget.cycles", 0, "--initial", "random"]
CLASSES = ["--config", "small_image_folder_random", *BUDGET, *SMALL_NETWORK]
MASKS = ["--config", "mask_folder_unet_random", *BUDGET, "--network.width", 2, "--data.classes", "[a, b]"]
MASKS += ["--data.augmentation.crop", "[16, 16]", "--training.head_lr_factor", 1]


def pictures(folder: Path, count: int = 6, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(noise(number + zlib.crc32(os.fsencode(folder.name)))).save(folder / f"{number:03d}.png")
    return folder


def masked(root: Path, count: int = 8) -> Path:
    """Images of 24 x 32 and their masks: the upper half is class 0, the lower one class 1."""
    pictures(root / "images", count)
    (root / "masks").mkdir()
    mask = np.zeros((24, 32), np.uint8)
    mask[12:] = 1
    for path in (root / "images").iterdir():
        Image.fromarray(mask).save(root / "masks" / path.name)
    return root
