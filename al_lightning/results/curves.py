"""The curve of a run: its main metric against its budget, and the area under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from al_lightning.metrics import PERCENT
from al_lightning.runs.journal import Run


def area(budgets: Sequence[float], values: Sequence[float]) -> float:
    """Return the area under a curve of metric against budget, by trapezoids (Mittal et al. 2025, Eq. 2).

    No extrapolation below the first budget; budgets as fractions of the pool and values in percent give areas in the
    unit of the published tables (Cityscapes 100 %, 68.42 from 10 % to 50 %: 27.37). One point has no area: 0.

    Args:
        budgets: nominal budgets, ascending, (N,).
        values: the metric at each, (N,).
    """
    if len(budgets) != len(values):
        raise ValueError(f"{len(budgets)} budgets for {len(values)} values")
    points = list(zip(budgets, values, strict=True))
    return sum((b1 - b0) * (v0 + v1) / 2 for (b0, v0), (b1, v1) in pairwise(points))


@dataclass(frozen=True)
class Curve:
    """A run's main metric against its budget.

    Attributes:
        name: the run's name.
        seed: its seed.
        config_sha256: hash of the settings that can change its results.
        metric: the metric's name, for example "miou".
        budgets: nominal budgets, fractions of the pool.
        labelled: numbers of labelled images.
        values: the metric in percent.
        untested: numbers of labelled images of the finished cycles, where there is no test set: no metric, no points.
    """

    name: str
    seed: int
    config_sha256: str
    metric: str
    budgets: tuple[float, ...]
    labelled: tuple[int, ...]
    values: tuple[float, ...]
    untested: tuple[int, ...] = ()

    @property
    def area(self) -> float:
        """Eq. 2 with values in percent and budgets as fractions."""
        return area(self.budgets, self.values)

    @property
    def mean_height(self) -> float | None:
        """Area over width: the mean metric in percent, comparable between budgets. None for a single point."""
        width = self.budgets[-1] - self.budgets[0] if self.budgets else 0.0
        return self.area / width if width > 0 else None

    @property
    def height(self) -> float:
        """The mean height in percent; of a single point, its value."""
        mean = self.mean_height
        return self.values[0] if mean is None else mean


def curve_of(run: Run) -> Curve:
    """Return the curve of a run's finished cycles; the main metric is the first that a record holds.

    Without a test set there is none, and no point.
    """
    metric = next(iter(run.cycles[0].metrics), "") if run.cycles else ""
    if run.cycles and not metric:
        labelled = tuple(done.labelled for done in run.cycles)
        return Curve(run.record.name, run.record.seed, run.record.config_sha256, "", (), (), (), labelled)
    return Curve(
        name=run.record.name,
        seed=run.record.seed,
        config_sha256=run.record.config_sha256,
        metric=metric,
        budgets=tuple(done.budget for done in run.cycles),
        labelled=tuple(done.labelled for done in run.cycles),
        values=tuple(PERCENT * done.metrics[metric] for done in run.cycles),
    )
