"""What comparisons rest on: the additive model, correction for many tests, the power of a t test, the bootstrap."""

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
RESAMPLES = 9999
SAME = 1e-9
"""Noise below this share of the largest value is rounding."""
Values = Mapping[str, Mapping[int, float]]
"""By method and seed: the metric, in points."""


class AdditiveModel:
    """The additive model of methods and seeds, by least squares; `statistics` states its assumptions.

    A seed that some methods lack counts for the others.

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


def bca(differences: Sequence[float], level: float = ALPHA) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval of a mean (Efron 1987), of confidence 1 - level.

    With few values its coverage is too low. A claim therefore needs the t test as well.
    """
    from scipy.stats import bootstrap

    sample = np.array(differences)
    if float(np.ptp(sample)) <= SAME * max(1.0, float(np.abs(sample).max())):
        return float(sample.mean()), float(sample.mean())
    resampling = np.random.default_rng(np.random.SeedSequence([0, len(sample)]))
    # Mirrored samples get mirrored intervals: the bootstrap always sees a mean of at least 0.
    sign = -1.0 if sample.mean() < 0 else 1.0
    ends = bootstrap(
        (sign * sample,), np.mean, confidence_level=1 - level, n_resamples=RESAMPLES, method="BCa",
        random_state=resampling,
    ).confidence_interval  # fmt: skip
    low, high = sorted((sign * float(ends.low), sign * float(ends.high)))
    return low, high
