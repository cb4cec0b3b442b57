"""What a comparison runs: strategies, budgets that fit the data, seeds, and when it stops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from scipy import special

from al_lightning.errors import UsageError
from al_lightning.results.baselines import base_of
from al_lightning.results.inference import ALPHA
from al_lightning.results.series import BASELINE, Series

STRATEGIES = (BASELINE, "entropy", "margin", "coreset", "badge", "uherding")
BUDGETS = 10
"""Most points of a curve."""
MOST_PER_CLASS = 5
"""Most images of each class that a budget buys, of images with one class."""
MOST_IMAGES = 50
"""Most images that a budget buys, of images with a class per pixel."""
LONGEST_SIDE = 256
"""Pixels of the longer side to which larger images with a class per pixel are reduced: 0.9 MB of features an image."""
FEWEST_SEEDS = 10
"""Seeds before the width of an interval may end a comparison: its estimate is too rough before."""
NARROW = 1.0
"""Half-width of an interval, in points, that ends a comparison where all are narrower."""


@dataclass(frozen=True)
class Limits:
    """When a comparison stops; all strategies finish each of its seeds, one at least.

    Attributes:
        seeds: most seeds.
        minutes: of the whole command, after which a seed that is not done is dropped; the runs have at least half of
            them.
    """

    seeds: int
    minutes: float

    @property
    def time(self) -> str:
        """The minutes, in words."""
        return f"{self.minutes:g} minute{'s' * (self.minutes != 1)}"


@dataclass(frozen=True)
class Request:
    """What is to be compared.

    Attributes:
        dataset: part of a run's name, for example `image_folder`.
        strategies: parts of a run's name, or paths of classes; Random comes first.
        options: of `fit`, for example ["--data.root", "DIR"].
        limits: when the comparison stops.
        run_dir: folder of the runs, NAME/seed_S below it; None for the directory that each run gets by itself.
        encoder: network part of a run's name; "" for the dataset's own network.
        processes: that make runs at once.
    """

    dataset: str
    strategies: tuple[str, ...]
    options: tuple[str, ...]
    limits: Limits
    run_dir: Path | None = None
    encoder: str = ""
    processes: int = 1


class Gain(NamedTuple):
    """What more labels brought between two budgets.

    Attributes:
        start: labels of the first.
        end: labels of the second.
        points: the mean gain over seeds, from the first to the second.
        half: half-width of its 95 % interval.
    """

    start: int
    end: int
    points: float
    half: float

    @property
    def labels(self) -> int:
        """How many labels the gain is told for as well: 100 or 10, never more than it was measured over."""
        # A curve bends, and a slope says nothing of what lies beyond.
        return next((count for count in (100, 10) if count <= self.end - self.start), 1)

    @property
    def rate(self) -> float:
        """The gain of so many labels, in points."""
        return self.labels * self.points / (self.end - self.start)


def budget_options(
    pool: int, classes: int, labels: Literal["image", "pixel"], given: Mapping[str, Any] = MappingProxyType({})
) -> list[str]:
    """Return what the request leaves open of a comparison's budget, as options of `fit`: in images, to half the pool.

    Images with one class: one to `MOST_PER_CLASS` of each class, so that ten budgets are at most a twentieth of a large
    pool. Images with a class per pixel: a thirtieth of the pool, 4 to `MOST_IMAGES` images. There are up to `BUDGETS`
    budgets.

    Args:
        pool: number of images.
        classes: number of classes.
        labels: what the labels are of.
        given: options of the budget that the request names, by name. Beside a unit of percent the numbers of `fit`
            hold, taken as percentages.

    Raises:
        UsageError: the pool is too small for two budgets.
    """
    if given.get("unit") == "percent":
        return []
    if labels == "image":
        usual = classes * min(MOST_PER_CLASS, max(1, pool // (20 * BUDGETS * classes)))
    else:
        usual = min(MOST_IMAGES, max(4, pool // 30))
    budget = {"unit": "images", "initial": usual, "query": usual, **given}
    cycles = min(BUDGETS - 1, (pool // 2 - budget["initial"]) // max(1, budget["query"]))
    if cycles < 1 and not given:
        raise UsageError(
            f"The pool has {pool} images and {classes} classes, too few for two budgets of {usual} images; give "
            "--budget.unit images, --budget.initial, --budget.query and --budget.cycles."
        )
    budget.setdefault("cycles", max(1, cycles))
    return [part for name, value in budget.items() if name not in given for part in (f"--budget.{name}", str(value))]


def smaller(height: int, width: int) -> tuple[int, int]:
    """Return the size at which images with a class per pixel are compared: at most `LONGEST_SIDE` pixels a side."""
    factor = min(1.0, LONGEST_SIDE / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def half_width(values: Sequence[float]) -> float:
    """Return the half-width of the 95 % interval of a mean (Student's t); infinite for fewer than two values."""
    if len(values) < 2:
        return math.inf
    return float(special.stdtrit(len(values) - 1, 1 - ALPHA / 2)) * stdev(values) / math.sqrt(len(values))


def widest(methods: Sequence[Series]) -> float:
    """Return the largest half-width of the methods' differences from their baselines, over all budgets, in points."""
    widths = []
    for method in methods:
        if (baseline := base_of(method, methods)) is not None:
            for budget in method.budgets:
                ours, base = method.at(budget), baseline.at(budget)
                widths.append(half_width([ours[seed] - base[seed] for seed in sorted(ours.keys() & base.keys())]))
    return max(widths, default=math.inf)


def finished(seeds: int, methods: Sequence[Series], limits: Limits) -> str:
    """Return why no further seed is needed, or "".

    It never depends on the sign of a difference: looking at the sign after each seed would void the 5 %.

    Args:
        seeds: that all strategies have finished.
        methods: with these seeds.
        limits: of the comparison.
    """
    if seeds >= FEWEST_SEEDS and (width := widest(methods)) < NARROW:
        return f"every difference is known to {width:.1f} points"
    if seeds >= limits.seeds:
        return "its one seed is done" if seeds == 1 else f"all {seeds} seeds are done"
    return ""


def gain(method: Series) -> Gain | None:
    """Return what more labels brought over the second half of a method's curve.

    None where there are not two points or two seeds.
    """
    curves = [curve for curve in method.curves if len(curve.values) > 1]
    if len(curves) < 2:
        return None
    last = len(curves[0].values) - 1
    first = min((last + 1) // 2, last - 1)
    start, end = curves[0].labelled[first], curves[0].labelled[last]
    gains = [curve.values[last] - curve.values[first] for curve in curves]
    return Gain(start, end, fmean(gains), half_width(gains))
