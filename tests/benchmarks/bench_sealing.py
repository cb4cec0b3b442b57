"""What sealing the files of a cycle costs: their bytes are read once more and hashed, and a small file is written."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from al_lightning.networks import DeepLabV3Plus, ResNet
from al_lightning.runs.files import write_atomic
from al_lightning.runs.scores import LARGEST, SeenRows, write_rows
from al_lightning.runs.seals import Seal, digest_of, seal_of

from .conftest import Bench

CYCLE = 60.0
"""Seconds of the cycle that the cost is held against."""


def bench_sealing_a_cycle(bench: Bench, tmp_path: Path) -> None:
    network = DeepLabV3Plus(11, backbone=ResNet(18)).state_dict()
    state = {"network": network, "momentum": {name: value.clone() for name, value in network.items()}}
    count = LARGEST // 256
    rows = SeenRows(np.arange(count), np.zeros(count, bool), np.zeros((1, count, 256), np.float32))
    files: dict[str, Callable[[BinaryIO], object]] = {
        "weights.pt": partial(torch.save, {"network": network}),
        "step_500.ckpt": partial(torch.save, state),
        "rows.npz": lambda file: write_rows(file, rows, [1, 2]),
        "metrics.json": lambda file: file.write(b"{}"),
        "selection.json": lambda file: file.write(b"{}"),
    }
    seal, extra = Seal("origin"), dict[str, list[float]]()
    for _ in range(bench.rounds(5)):
        for name, write in files.items():
            path = tmp_path / name
            write_atomic(path, write, make_folder=False)
            begun = time.perf_counter()
            seal.confirm(path)
            extra.setdefault(name, []).append(time.perf_counter() - begun)
            assert seal_of(path).is_file()
    cost = {name: statistics.median(seconds) for name, seconds in extra.items()}
    sizes = ", ".join(f"{name} {(tmp_path / name).stat().st_size / 1e6:.3g} MB" for name in files)
    for name in ("weights.pt", "metrics.json"):
        bench.add(f"sealing {name}", 1000 * cost[name], "beside writing it", unit="ms")
    begun = time.perf_counter()
    digest_of(tmp_path / "weights.pt")
    bench.add("comparing weights.pt with its seal", 1000 * (time.perf_counter() - begun), "read again", unit="ms")
    share = sum(cost.values()) / CYCLE
    bench.add("sealing all files of a cycle of 60 s", 100 * share, sizes, unit="%", at_most=1)
