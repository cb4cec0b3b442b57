"""The additive model of methods and seeds, by least squares; what it assumes is said in `statistics`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from al_lightning.errors import UsageError
from al_lightning.results.inference import SAME

Values = Mapping[str, Mapping[int, float]]
"""By method and seed: the metric, in points."""


@dataclass(frozen=True)
class Variance:
    """An estimate of the noise's variance.

    Attributes:
        squares: residual sum of squares, in points squared.
        df: its degrees of freedom.
        scale: the largest absolute value behind it, in points.
    """

    squares: float
    df: int
    scale: float

    @property
    def mean_square(self) -> float:
        """The variance; 0 where what there is of it is rounding."""
        mean = self.squares / self.df if self.df else math.nan
        return 0.0 if mean <= (SAME * max(1.0, self.scale)) ** 2 else mean

    def __add__(self, other: Variance) -> Variance:
        return Variance(self.squares + other.squares, self.df + other.df, max(self.scale, other.scale))


class Blocks:
    """The additive model, fitted by least squares; seeds that not every method has are used as far as they go.

    Args:
        values: by method and seed, in points.

    Raises:
        UsageError: a value is not finite.
    """

    def __init__(self, values: Values) -> None:
        # In a fixed order, so that results do not depend, to the last digit, on the order of what was given.
        self.methods = sorted(values)
        cells = [(method, seed, values[method][seed]) for method in self.methods for seed in sorted(values[method])]
        for method, seed, value in cells:
            if not math.isfinite(value):
                raise UsageError(f"The value of {method} at seed {seed} is {value}; leave it out, or run it again.")
        seeds = sorted({seed for _, seed, _ in cells})
        design = np.zeros((len(cells), len(self.methods) + len(seeds)))
        for row, (method, seed, _) in enumerate(cells):
            design[row, self.methods.index(method)] = design[row, len(self.methods) + seeds.index(seed)] = 1.0
        measured = np.array([value for _, _, value in cells])
        middle = measured.mean() if cells else 0.0
        self.effects, _, rank, _ = np.linalg.lstsq(design, measured - middle, rcond=None)
        residual = measured - middle - design @ self.effects
        self.inverse = np.linalg.pinv(design.T @ design, hermitian=True)
        scale = float(np.abs(measured).max()) if cells else 0.0
        self.variance = Variance(float(residual @ residual), len(cells) - int(rank), scale)

    def difference(self, method: str, other: str) -> tuple[float, float]:
        """Return the estimated difference of two methods, and its variance in units of the noise's.

        Of two methods that no chain of common seeds joins it means nothing.
        """
        first, second = self.methods.index(method), self.methods.index(other)
        low, high = sorted((first, second))  # the same to the last digit the other way around
        factor = self.inverse[low, low] + self.inverse[high, high] - 2 * self.inverse[low, high]
        return float(self.effects[first] - self.effects[second]), float(factor)
