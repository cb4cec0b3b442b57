"""The curve of a run: its main metric against its budget, and the area under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from al_lightning.metrics import Metric
from al_lightning.runs.journal import Run

NEAR = 1e-9
"""Largest difference of two nominal budgets that count as equal."""


def area(budgets: Sequence[float], values: Sequence[float]) -> float:
    """Return the area under a curve of metric against budget, by trapezoids (Eq. 2 of the paper).

    No extrapolation below the first budget. Budgets as fractions of the pool and values in percent give areas in the
    unit of the published tables (Cityscapes 100 %, 68.42 from 10 % to 50 %: 27.37). The area of one point is 0.

    Args:
        budgets: nominal budgets, ascending, (N,).
        values: the metric at each, (N,).

    Raises:
        ValueError: the two are of different length.
    """
    points = pairwise(zip(budgets, values, strict=True))
    return sum((b1 - b0) * (v0 + v1) / 2 for (b0, v0), (b1, v1) in points)


@dataclass(frozen=True)
class Curve:
    """A run's main metric against its budget.

    Attributes:
        name: the run's name.
        seed: the run's seed.
        config_sha256: hash of the settings that can change the run's results.
        metric: the main metric; without a name where there is none.
        budgets: nominal budgets, fractions of the pool.
        labelled: numbers of labelled images.
        values: the metric, in its unit.
        untested: numbers of labelled images of the finished cycles of a run without a test set, which has no points.
        errors: standard error of each value, in its unit, from the choice of the test images; None where one is not
            known, and empty where none is.
        in_images: whether the run was given its budgets as numbers of images.
    """

    name: str
    seed: int
    config_sha256: str
    metric: Metric
    budgets: tuple[float, ...]
    labelled: tuple[int, ...]
    values: tuple[float, ...]
    untested: tuple[int, ...] = ()
    errors: tuple[float | None, ...] = ()
    in_images: bool = False

    def better_before(self, point: int) -> int | None:
        """Return the best point before one that is worse; None where no earlier one is better."""
        values = [self.metric.sign * value for value in self.values[: point + 1]]
        best = values.index(max(values)) if values else point
        return best if values and values[best] > values[point] else None

    def error_between(self, *points: int) -> float | None:
        """Return the standard error of the difference of points, taken as independent; None where it is not known."""
        errors = [self.errors[at] for at in points] if self.errors else []
        known = [error for error in errors if error is not None]
        return math.hypot(*known) if len(known) == len(points) else None

    @property
    def area(self) -> float:
        """Eq. 2 of the paper with values in the metric's unit and budgets as fractions."""
        return area(self.budgets, self.values)

    @property
    def mean_height(self) -> float | None:
        """Area over width: the mean metric, comparable between budgets. None for a single point."""
        width = self.budgets[-1] - self.budgets[0] if self.budgets else 0.0
        return self.area / width if width > 0 else None

    @property
    def height(self) -> float:
        """The mean height; the value of a single point."""
        mean = self.mean_height
        return self.values[0] if mean is None else mean


def until(curve: Curve, budget: float) -> Curve:
    """Return a curve without its points beyond a nominal budget, a fraction of the pool."""
    count = sum(each <= budget + NEAR for each in curve.budgets)
    cut = {name: getattr(curve, name)[:count] for name in ("budgets", "labelled", "values", "errors")}
    return replace(curve, **cut)


def curve_of(run: Run) -> Curve:
    """Return the curve of a run's finished cycles; the main metric is the first of a cycle."""
    record, cycles = run.record, run.cycles
    name = next(iter(cycles[0].metrics), "") if cycles else ""
    tested = cycles if name else ()
    metric = record.metric(name)
    errors = [cycle.health.get("error") for cycle in tested]
    known = [error is not None for error in errors]
    return Curve(
        name=record.name,
        seed=record.seed,
        config_sha256=record.config_sha256,
        metric=metric,
        budgets=tuple(cycle.budget for cycle in tested),
        labelled=tuple(cycle.labelled for cycle in tested),
        values=tuple(metric.scale * cycle.metrics[name] for cycle in tested),
        untested=() if name else tuple(cycle.labelled for cycle in cycles),
        errors=tuple(None if error is None else metric.scale * error for error in errors) if any(known) else (),
        in_images=record.settings.get("budget.unit") == "images",
    )


def place_of(numbers: Sequence[float], wanted: float) -> int | None:
    """Return the place of a number among others, such as budgets, but for rounding; None where it is not there."""
    return next((place for place, number in enumerate(numbers) if math.isclose(number, wanted, rel_tol=1e-9)), None)
