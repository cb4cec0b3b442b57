"""Methods against each other over few seeds: what may be claimed, and what these seeds could have shown.

With 2 to 5 seeds a difference has too few of them to tell its own variance. So it is estimated from all methods of a
setting together, by the additive model of randomized blocks, the seeds being the blocks (Montgomery, Design and
Analysis of Experiments, chapter 4):

    value[method, seed] = method + seed + noise

Noise is assumed to have one variance for all methods (hence all pairwise differences have one), to be independent, and
roughly normal. Heavy tails and skew make claims rarer (simulated: Student's t with 3 degrees of freedom, exponential).
Where one method is much noisier than the others, its own differences are claimed too readily: if the baseline's
deviation is twice that of four others, 7 to 10 % of such sets of comparisons make a false claim instead of 5, and not
many more than 5 if it is one of the others that is. What all methods share at a seed, such as the initial set, cancels.

From 10 seeds on a claim also needs the BCa bootstrap interval of the pair's own differences to exclude 0. By itself it
would not do: with 10 seeds it makes a false claim in 9 to 14 % of sets instead of 5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from al_lightning.errors import UsageError, nearest
from al_lightning.results.additive_model import Blocks, Values, Variance
from al_lightning.results.comparison import FEWEST, MANY, Comparison
from al_lightning.results.inference import SAME, bca, holm, noncentrality

__all__ = [
    "Comparison",
    "Pair",
    "bca",
    "compare",
    "compare_settings",
    "holm",
    "noncentrality",
    "penalty_matrix",
    "seeds_needed",
]

Pair = tuple[str, str]


def compare(
    values: Values,
    pairs: Sequence[Pair] | None = None,
    *,
    baseline: str = "random",
    alpha: float = 0.05,
    power: float = 0.8,
    relevant: float = 1.0,
    variance: Variance | None = None,
    key: int = 0,
) -> list[Comparison]:
    """Compare methods of one setting, paired by seed.

    All methods of `values` tell the variance, also those of no pair. A claim is corrected for all pairs of this call.

    Args:
        values: by method and seed, in points (percentage points of the metric).
        pairs: (method, other); by default each method against the baseline.
        baseline: that method's name.
        alpha: share of false claims that is accepted over all pairs together.
        power: probability with which the smallest difference shows.
        relevant: a difference that matters, in points.
        variance: estimated elsewhere, for example over several settings; by default from `values`.
        key: of the bootstrap's draws.

    Returns:
        A comparison for each pair, in their order.

    Raises:
        UsageError: a pair names an unknown method or one method twice, a value is not finite, or alpha, power or
            relevant are out of range.
    """
    (found,) = compare_settings(
        {"": values}, pairs, baseline=baseline, alpha=alpha, power=power, relevant=relevant, variance=variance, key=key
    ).values()
    return found


def compare_settings(
    settings: Mapping[str, Values],
    pairs: Sequence[Pair] | None = None,
    *,
    pool: Literal["methods", "settings"] = "methods",
    baseline: str = "random",
    alpha: float = 0.05,
    power: float = 0.8,
    relevant: float = 1.0,
    variance: Variance | None = None,
    key: int = 0,
) -> dict[str, list[Comparison]]:
    """Compare methods in several settings, for example a table's columns; claims are corrected for all of them.

    Args:
        settings: by name: values as `compare` takes them.
        pairs: see `compare`; where one of the two is not in a setting but in another, the pair is left out there.
        pool: "methods" estimates a variance for each setting from its methods; "settings" one from all settings, which
            assumes, besides, that noise is as large in all of them.
        baseline: see `compare`.
        alpha: see `compare`.
        power: see `compare`.
        relevant: see `compare`.
        variance: see `compare`; for all settings.
        key: see `compare`.

    Returns:
        By setting: its comparisons, in the order of the pairs.

    Raises:
        UsageError: as `compare`.
    """
    if not (0 < alpha < 0.5 and alpha < power < 1 and relevant >= 0):
        raise UsageError(
            f"alpha {alpha}, power {power} and relevant {relevant} do not go together: alpha lies between 0 and 0.5, "
            "power between alpha and 1, and relevant is not negative."
        )
    known = list(dict.fromkeys(method for values in settings.values() for method in values))
    for pair in pairs or ():
        for name in pair:
            if name not in known:
                raise UsageError(f"There are no values of {name!r} to compare.{nearest(name, known)}")
        if pair[0] == pair[1]:
            raise UsageError(f"{pair[0]} cannot be compared with itself.")
    fits = {setting: Blocks(values) for setting, values in settings.items()}
    if variance is None and pool == "settings":
        variance = sum((fit.variance for fit in fits.values()), Variance(0.0, 0, 0.0))
    limits = Comparison("", "", (), alpha=alpha, power=power, relevant=relevant)
    trials = {
        setting: [
            _try(values, fits[setting], pair, variance or fits[setting].variance, limits)
            for pair in ([(method, baseline) for method in values if method != baseline] if pairs is None else pairs)
            if pair[0] in values and pair[1] in values
        ]
        for setting, values in settings.items()
    }
    tested = [one for group in trials.values() for one in group if one.error is not None]
    for one, p, level in zip(tested, *holm([one.found.p_single for one in tested], alpha), strict=True):
        one.bound(p, level, len(tested), key)
    return {setting: [one.found for one in group] for setting, group in trials.items()}


@dataclass
class _Trial:
    """A comparison under way.

    Attributes:
        found: as far as it is known.
        error: standard error of the difference, in points; None where no test is possible.
    """

    found: Comparison
    error: float | None = None

    def bound(self, p: float, level: float, tests: int, key: int) -> None:
        """Add the corrected p, the interval of confidence 1 - level, and the smallest difference that would show."""
        one, error = self.found, self.error or 0.0
        half = float(special.stdtrit(one.df, 1 - level / 2)) * error
        low, high = one.mean - half, one.mean + half
        bootstrap, df = None, one.df
        if one.seeds >= MANY:
            bootstrap = bca(one.values, level, key)
            low, high = min(low, bootstrap[0]), max(high, bootstrap[1])
            # The bootstrap sees this pair's differences alone, so a claim is no surer than with their own variance.
            df = min(df, one.seeds - 1)
        smallest = error * noncentrality(df, one.alpha / tests, one.power)
        self.found = replace(one, low=low, high=high, p=p, smallest=smallest, tests=tests, bootstrap=bootstrap)


def _try(values: Values, fit: Blocks, pair: Pair, noise: Variance, limits: Comparison) -> _Trial:
    """Return a comparison with its estimate and its p; where no test is possible, with what there is to say."""
    method, other = pair
    common = sorted(values[method].keys() & values[other].keys())
    by_seed = tuple((seed, values[method][seed] - values[other][seed]) for seed in common)
    found = replace(limits, method=method, other=other, by_seed=by_seed)
    if not by_seed:
        return _Trial(found)
    mean, factor = fit.difference(method, other)
    if len(by_seed) < FEWEST:
        mean = by_seed[0][1]  # what was measured; nothing is inferred from one seed
    if abs(mean) <= SAME * max(1.0, noise.scale):
        mean = 0.0
    found = replace(found, mean=mean, df=noise.df)
    if len(by_seed) < FEWEST or not noise.df:
        return _Trial(found)
    if not noise.mean_square:
        # Values that are equal are equal. A difference without any variation has no measure of chance: with few seeds
        # it comes from coarse metrics or copied runs as easily as from anything, and no p is honest.
        return _Trial(found if mean else replace(found, low=0.0, high=0.0))
    error = math.sqrt(noise.mean_square * factor)
    p = 2 * float(special.stdtr(noise.df, -abs(mean) / error))
    return _Trial(replace(found, deviation=math.sqrt(2 * noise.mean_square), p_single=p), error)


def seeds_needed(found: Comparison, most: int = 30) -> int | None:
    """Return how many seeds would show a difference of the size that was found, with probability `power`.

    That size and the deviation are taken for the true ones, which they are not: a rough guide, for planning.

    Args:
        found: a comparison that was tested.
        most: where more are needed, None is returned, as it is where nothing was tested.
    """
    if not found.tests or not found.mean:
        return None
    for seeds in range(FEWEST, most + 1):
        df = max(1, round(found.df * (seeds - 1) / max(1, found.seeds - 1)))
        shown = noncentrality(df, found.alpha / found.tests, found.power) * found.deviation / math.sqrt(seeds)
        if shown <= abs(found.mean):
            return seeds
    return None


def penalty_matrix(
    settings: Iterable[Mapping[float, Values]], methods: Sequence[str], alpha: float = 0.05
) -> npt.NDArray[np.float64]:
    """Return how often each method was significantly better than each other (Ash et al. 2020, BADGE, section 4).

    For each setting with L budgets, entry [i, j] grows by 1 / L for each budget at which method i is ahead of method j:
    j is charged. The mean of a column is a method's penalty, lower is better; the largest entry possible is the number
    of settings. Other than there, the t tests pool the variance and are corrected for the pairs of a budget, so that
    few seeds suffice.

    Args:
        settings: for each, by budget: values as `compare` takes them.
        methods: in the order of rows and columns; where one is missing at a budget, nothing is charged.
        alpha: share of false claims accepted at a budget.

    Returns:
        (M, M) float64.
    """
    matrix = np.zeros((len(methods), len(methods)))
    place = {method: number for number, method in enumerate(methods)}
    for by_budget in settings:
        for values in by_budget.values():
            there = [method for method in methods if method in values]
            for one in compare(values, list(combinations(there, 2)), alpha=alpha):
                if one.shows:
                    better, worse = (one.method, one.other) if one.mean > 0 else (one.other, one.method)
                    matrix[place[better], place[worse]] += 1 / len(by_budget)
    return matrix
