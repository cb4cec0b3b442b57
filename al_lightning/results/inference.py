"""What the comparisons rest on: corrections for many tests, the power of a t test, bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

ALPHA = 0.05
"""Share of false claims that is accepted over all comparisons of a call; the confidence is 1 - ALPHA."""
POWER = 0.8
"""Probability with which the smallest difference that is stated would show."""
RESAMPLES = 9999
SAME = 1e-9
"""Noise below this share of the largest value is rounding."""


def holm(p: Sequence[float], alpha: float = ALPHA) -> tuple[list[float], list[float]]:
    """Correct p values for their number (Holm 1979, step-down).

    Args:
        p: uncorrected, (N,).
        alpha: share of false claims that is accepted over all together.

    Returns:
        The corrected values, (N,), and the level that each uncorrected value is tested at, (N,): alpha / N for the
        smallest, alpha / (N - 1) for the next, and so on. From the first value that fails its level on, all have that
        level.
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    corrected, levels = [1.0] * len(p), [alpha] * len(p)
    highest, failed, level, before = 0.0, False, alpha, math.nan
    for rank, index in enumerate(order):
        if not failed and not math.isclose(p[index], before, rel_tol=SAME):  # equal values are tested at one level
            level = alpha / (len(p) - rank)
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        failed = failed or p[index] > level
        corrected[index], levels[index], before = highest, level, p[index]
    return corrected, levels


@lru_cache(maxsize=1024)
def noncentrality(df: int, level: float) -> float:
    """Return how many standard errors a difference needs to show in a two-sided t test with probability `POWER`.

    Args:
        df: degrees of freedom.
        level: of the test.
    """
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
