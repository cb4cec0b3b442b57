"""What the comparisons rest on: corrections for many tests, the power of a t test, bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import special

RESAMPLES = 9999
SAME = 1e-9
"""Noise below this share of the largest value is rounding, and no noise."""


def holm(p: Sequence[float], alpha: float = 0.05) -> tuple[list[float], list[float]]:
    """Correct p values for their number (Holm 1979, step-down).

    Args:
        p: uncorrected, (N,).
        alpha: share of false claims that is accepted over all together.

    Returns:
        The corrected values, (N,), and the level that each uncorrected one is held to, (N,): alpha / N for the
        smallest, alpha / (N - 1) for the next and so on; from the first that fails its level on, that one for all.
    """
    order = sorted(range(len(p)), key=lambda index: p[index])
    corrected, levels = [1.0] * len(p), [alpha] * len(p)
    highest, failed, level, before = 0.0, False, alpha, math.nan
    for place, index in enumerate(order):
        if not failed and not math.isclose(p[index], before, rel_tol=SAME):  # equal ones are held to one level
            level = alpha / (len(p) - place)
        highest = max(highest, min(1.0, (len(p) - place) * p[index]))
        failed = failed or p[index] > level
        corrected[index], levels[index], before = highest, level, p[index]
    return corrected, levels


@lru_cache(maxsize=1024)
def noncentrality(df: int, level: float, power: float = 0.8) -> float:
    """Return how many standard errors a difference must have, for a two-sided t test to show it.

    Args:
        df: degrees of freedom.
        level: of the test.
        power: probability that it shows.
    """
    from scipy.optimize import brentq
    from scipy.stats import nct

    critical = float(special.stdtrit(df, 1 - level / 2))

    def lacking(shift: float) -> float:
        # P(T < -critical) is P(T > critical) of the mirrored shift, which SciPy computes where its cdf is NaN.
        return float(nct.sf(critical, df, shift) + nct.sf(critical, df, -shift)) - power

    enough = critical + 1.0
    while lacking(enough) < 0:
        enough *= 2
    return float(brentq(lacking, 0.0, enough))


def bca(differences: Sequence[float], level: float = 0.05, key: int = 0) -> tuple[float, float]:
    """Return the bias-corrected and accelerated bootstrap interval of a mean (Efron 1987), of confidence 1 - level.

    It covers too little where values are few, hence it only ever has to agree with the t test. The same key draws the
    same resamples.
    """
    from scipy.stats import bootstrap

    sample = np.array(differences)
    if float(np.ptp(sample)) <= SAME * max(1.0, float(np.abs(sample).max())):
        return float(sample.mean()), float(sample.mean())
    drawn = np.random.default_rng(np.random.SeedSequence([key, len(sample)]))
    # Mirrored samples get mirrored intervals: the one that is looked at has a mean of at least 0.
    sign = -1.0 if sample.mean() < 0 else 1.0
    ends = bootstrap(
        (sign * sample,), np.mean, confidence_level=1 - level, n_resamples=RESAMPLES, method="BCa", random_state=drawn
    ).confidence_interval
    low, high = sorted((sign * float(ends.low), sign * float(ends.high)))
    return low, high
