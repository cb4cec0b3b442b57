"""What comparisons rest on: an additive model, correction for many tests, power of a t test, intervals of shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from al_lightning.errors import UsageError

ALPHA = 0.05
"""Share of false claims that is accepted over all comparisons of a call; the confidence is 1 - ALPHA."""
POWER = 0.8
"""Probability with which the smallest difference that is stated would show."""
SAME = 1e-9
"""Noise below this share of the largest value is rounding."""
Values = Mapping[str, Mapping[int, float]]
"""By method and seed: the metric, in points."""


def check_finite(values: Values) -> None:
    """Raise UsageError where a value is not finite."""
    for method, by_seed in values.items():
        for seed, value in by_seed.items():
            if not math.isfinite(value):
                raise UsageError(f"The value of {method} at seed {seed} is {value}; leave it out, or run it again.")


class AdditiveModel:
    """The additive model of methods and seeds, by least squares; `statistics` states its assumptions.

    A seed that some methods lack counts for the others.

    Args:
        values: by method and seed, in points; finite.

    Attributes:
        df: degrees of freedom of the noise's variance.
        squares: residual sum of squares, in points squared.
        scale: the largest absolute value, in points.
    """

    def __init__(self, values: Values) -> None:
        # Sorted, so that results do not depend, to the last digit, on the order of the input.
        self.methods = sorted(values)
        cells = [(method, seed, values[method][seed]) for method in self.methods for seed in sorted(values[method])]
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


def holm(p: Sequence[float]) -> tuple[list[float], list[float]]:
    """Correct p values for their number (Holm 1979, step-down).

    Args:
        p: uncorrected, (N,).

    Returns:
        The corrected values, (N,), and the level that each uncorrected value is tested at, (N,): ALPHA / N for the
        smallest, ALPHA / (N - 1) for the next, and so on. From the first value that fails its level on, all have that
        level.
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    corrected, levels = [1.0] * len(p), [ALPHA] * len(p)
    highest, failed, level, before = 0.0, False, ALPHA, math.nan
    for rank, index in enumerate(order):
        if not failed and not math.isclose(p[index], before, rel_tol=SAME):  # equal values are tested at one level
            level = ALPHA / (len(p) - rank)
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        failed = failed or p[index] > level
        corrected[index], levels[index], before = highest, level, p[index]
    return corrected, levels


@lru_cache(maxsize=1024)
def noncentrality(df: int, level: float) -> float:
    """Return how many standard errors a difference needs to show in a two-sided t test with probability `POWER`."""
    from scipy.optimize import brentq
    from scipy.stats import nct

    critical = float(special.stdtrit(df, 1 - level / 2))

    def surplus(shift: float) -> float:
        # P(T < -critical) is P(T > critical) of the mirrored shift, which SciPy computes where its cdf is NaN.
        return float(nct.sf(critical, df, shift) + nct.sf(critical, df, -shift)) - POWER

    upper = critical + 1.0
    while surplus(upper) < 0:
        upper *= 2
    return float(brentq(surplus, 0.0, upper))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's interval of a share (Wilson 1927), of confidence 1 - ALPHA, which has a width at 0 and 1, too.

    Args:
        share: of `count` independent draws, 0 to 1; of 6 of 6 right, 1. A mean of several shares of the same draws
            varies at most as much as a single one does, so that its interval is conservative.
        count: number of draws, 1 or more.

    Returns:
        Its ends, 0 to 1.
    """
    z = float(special.ndtri(1 - ALPHA / 2))
    scale = 1 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(first: float, second: float, count: int) -> tuple[float, float]:
    """Return the interval of the difference of two shares, first - second (Newcombe 1998, method 10).

    The draws of the two are taken for independent. Two networks see the same test images and err on similar ones, which
    makes the difference vary less: for these the interval is conservative.

    Args:
        first: a share as `wilson` takes it.
        second: another one.
        count: number of draws of each.

    Returns:
        Its ends, -1 to 1, of confidence 1 - ALPHA.
    """
    (low, high), (other_low, other_high) = wilson(first, count), wilson(second, count)
    difference = first - second
    return (
        difference - math.hypot(first - low, other_high - second),
        difference + math.hypot(high - first, second - other_low),
    )
