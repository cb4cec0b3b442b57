"""The additive model of methods and seeds, by least squares; `statistics` states its assumptions."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from al_lightning.errors import UsageError
from al_lightning.results.inference import SAME

Values = Mapping[str, Mapping[int, float]]
"""By method and seed: the metric, in points."""


class AdditiveModel:
    """The additive model, fitted by least squares. A seed that some methods lack counts for the others.

    Args:
        values: by method and seed, in points.

    Attributes:
        df: degrees of freedom of the noise's variance.
        squares: residual sum of squares, in points squared.
        scale: the largest absolute value, in points.

    Raises:
        UsageError: a value is not finite.
    """

    def __init__(self, values: Values) -> None:
        # Sorted, so that results do not depend, to the last digit, on the order of the input.
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
        centred = measured - (measured.mean() if cells else 0.0)
        self.effects, _, rank, _ = np.linalg.lstsq(design, centred)
        residual = centred - design @ self.effects
        self.inverse: npt.NDArray[np.floating] = np.linalg.pinv(design.T @ design, hermitian=True)
        self.squares, self.df = float(residual @ residual), len(cells) - int(rank)
        self.scale = float(np.abs(measured).max(initial=0.0))

    @property
    def variance(self) -> float:
        """Variance of the noise, in points squared; 0 where it is only rounding, NaN without degrees of freedom."""
        variance = self.squares / self.df if self.df else math.nan
        return 0.0 if variance <= (SAME * max(1.0, self.scale)) ** 2 else variance

    def difference(self, method: str, baseline: str) -> tuple[float, float]:
        """Return the estimated difference of two methods, and its variance in units of the noise's variance.

        Both are meaningless for two methods that no chain of common seeds connects.
        """
        first, second = self.methods.index(method), self.methods.index(baseline)
        low, high = sorted((first, second))  # the same to the last digit the other way around
        factor = self.inverse[low, low] + self.inverse[high, high] - 2 * self.inverse[low, high]
        return float(self.effects[first] - self.effects[second]), float(factor)
