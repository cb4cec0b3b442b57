"""Runs for reports, without training: drawn images, made-up metrics and choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, Images
from al_lightning.errors import DatasetError
from al_lightning.pages.render import render
from al_lightning.pool import Pool
from al_lightning.reports.findings import Lookup
from al_lightning.reports.page import report_values
from al_lightning.runs.journal import CycleRecord, Run, RunRecord
from tests.support.runs import parts_of

SIZE, CLIP = 24, 12
RANDOM = {0: (40, 50, 60), 1: (42, 50, 58), 2: (38, 48, 62)}
# Ahead of random by 0, 4, 4 points; by 0, 5, 5; by 0, 6, 3 at the three budgets.
CORESET = {0: (40, 54, 64), 1: (42, 55, 63), 2: (38, 54, 65)}
ENTROPY = {0: (40, 52, 60), 1: (42, 47, 58), 2: (38, 49, 62)}


def turning(size: int) -> Array:
    """Noise that turns into other noise by 5.3 degrees a frame, each clip of its own, (size, 16, 24, 3).

    Frames at most 5 apart are near-duplicates: their cosines are 0.895 or more, and 0.85 or less farther apart.
    """
    draw = np.random.default_rng(0)
    pixels = []
    for index in range(size):
        if index % CLIP == 0:
            planes = np.linalg.qr(draw.normal(size=(128, 3)) * [0, 1, 1] + [1, 0, 0])[0]  # two without a mean
        angle = np.radians(5.3 * (index % CLIP))
        grey = 128 + 300 * (np.cos(angle) * planes[:, 1] + np.sin(angle) * planes[:, 2])
        pixels.append(np.repeat(grey.reshape(16, 8), 3, axis=1).round().astype(np.uint8))
    return np.stack([np.stack(pixels)] * 3, axis=-1)


class Drawn(Images):
    """Frames as `turning` has them; class 1 fills the left half, class 2 a pixel, the first row is void."""

    def __init__(self, per_pixel: bool, name: str, size: int = SIZE) -> None:
        self.per_pixel, self.called = per_pixel, name
        self.pixels = turning(size)

    def __len__(self) -> int:
        return len(self.pixels)

    def image(self, index: int) -> Array:
        return self.pixels[index]

    def label(self, index: int) -> int | Array:
        if not self.per_pixel:
            return index % 3
        label = np.zeros((16, 24), np.uint8)
        label[:, :12] = 1
        label[8, 20] = 2
        label[0] = 255
        return label

    def name(self, index: int) -> str:
        return f"{self.called}{index:02d}"


class Data(PoolDataset):
    folder = "drawn"

    def __init__(self, per_pixel: bool = True, names: Sequence[str] = ("ground", "wall", "sign"), name: str = "f"):
        super().__init__(root="/somewhere/drawn")
        self.per_pixel, self.names, self.called = per_pixel, names, name

    @property
    def class_names(self) -> Sequence[str]:
        return self.names

    def build_train(self) -> Images:
        return Drawn(self.per_pixel, self.called)

    def build_test(self) -> Images:
        return Drawn(self.per_pixel, "test")

    def pool(self) -> Pool:
        sequence, frame = np.divmod(np.arange(SIZE), CLIP)
        return Pool(SIZE, (), tuple(sequence.tolist()), tuple(frame.tolist()))


def a_run(name: str, seed: int, values: Sequence[float], chosen: Sequence[Sequence[int]], finished: bool = True) -> Run:
    """A run that starts from frames 0 and 12 and buys two at a time."""
    bought = [list(batch) for batch in chosen[: len(values)]]
    if finished:
        bought[len(values) - 1 :] = [[]]
    record = RunRecord(name, seed, {"of": name}, SIZE, parts=parts_of(name), versions={"torch": "2.9"})
    cycles = [
        CycleRecord(at, 0.1 * (at + 1), 2 + 2 * at, {"miou": value / 100, "iou": [0.5]}, batch, {"fit": 30.0})
        for at, (value, batch) in enumerate(zip(values, bought, strict=True))
    ]
    return Run(Path("runs") / name / f"seed_{seed}", record, [0, 12], tuple(cycles))


BATCHES = [[1, 18], [7, 23], [2, 3]]


def comparison(seeds: Sequence[int] = (0, 1, 2)) -> list[Run]:
    by_strategy = {"random": RANDOM, "entropy": ENTROPY, "coreset": CORESET}
    return [
        a_run(f"street_{name}", seed, values[seed], BATCHES) for name, values in by_strategy.items() for seed in seeds
    ]


def data(run: Run) -> PoolDataset:
    return Data()


def no_data(run: Run) -> PoolDataset:
    raise DatasetError("There is no <folder>.")


def page(runs: Sequence[Run], data: Lookup, title: str, **more: Any) -> str:
    return render("reports/templates/report.html.jinja", report_values(runs, data, title, **more))


def text_of(html: str) -> str:
    return " ".join(
        re.sub(r"<[^>]+>", " ", html.split("</style>")[1].replace("<wbr>", "").replace("&nbsp;", " ")).split()
    )


class Balance(HTMLParser):
    VOID = frozenset({"meta", "br", "wbr", "img", "path", "polygon"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag
