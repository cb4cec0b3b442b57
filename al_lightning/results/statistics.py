"""Compare methods over few seeds: what may be claimed, and which differences these seeds could have shown.

With 2 to 5 seeds a difference has too few of them to tell its own variance. The variance is therefore estimated from
all methods of a setting together, by the additive model of randomized blocks, the seeds being the blocks (Montgomery,
Design and Analysis of Experiments, chapter 4):

    value[method, seed] = method + seed + noise

The noise is assumed to have one variance for all methods (hence all pairwise differences have one), to be independent,
and roughly normal. Heavy tails and skew make claims rarer (simulated: Student's t with 3 degrees of freedom,
exponential). The differences of a method with much larger noise than the others are claimed too readily: if the
baseline's deviation is twice that of four others, 7 to 10 % of such sets of comparisons make a false claim instead of
5, and not many more than 5 if the deviation of one of the others is. What all methods share at a seed, such as the
initial set, cancels.

From 10 seeds on a claim also needs the BCa bootstrap interval of the pair's own differences to exclude 0. The bootstrap
alone would not do: with 10 seeds it makes a false claim in 9 to 14 % of sets instead of 5.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from al_lightning.errors import UsageError, nearest
from al_lightning.results.comparison import FEWEST, MANY, Comparison
from al_lightning.results.inference import ALPHA, SAME, AdditiveModel, Values, bca, holm, noncentrality
from al_lightning.results.series import BASELINE

Pair = tuple[str, str]
"""The method under test, and the method it is compared with."""


def compare(values: Values, pairs: Sequence[Pair] | None = None, *, higher_is_better: bool = True) -> list[Comparison]:
    """Compare methods of one setting, paired by seed.

    All methods of `values` contribute to the variance, also those of no pair. A claim is corrected for all pairs of
    this call.

    Args:
        values: by method and seed, in points (percentage points of the metric).
        pairs: (method, baseline); by default each method with `random`.
        higher_is_better: whether a higher value is better.

    Returns:
        A comparison for each pair, in their order.

    Raises:
        UsageError: a pair names an unknown method or one method twice, or a value is not finite.
    """
    return compare_settings({"": values}, pairs, lower_is_better=() if higher_is_better else ("",))[""]


def compare_settings(
    settings: Mapping[str, Values], pairs: Sequence[Pair] | None = None, *, lower_is_better: Collection[str] = ()
) -> dict[str, list[Comparison]]:
    """Compare methods in several settings, for example a table's columns; claims are corrected for all of them.

    Args:
        settings: by name: values as `compare` takes them.
        pairs: as for `compare`; a setting that lacks a method of a pair has no comparison of that pair.
        lower_is_better: names of the settings in which a lower value is better.

    Returns:
        By setting: its comparisons, in the order of the pairs.

    Raises:
        UsageError: as `compare`.
    """
    known = list(dict.fromkeys(method for values in settings.values() for method in values))
    for pair in pairs or ():
        for name in pair:
            if name not in known:
                raise UsageError(f"There are no values of {name!r} to compare.{nearest(name, known)}")
        if pair[0] == pair[1]:
            raise UsageError(f"{pair[0]} cannot be compared with itself.")
    trials: dict[str, list[tuple[Comparison, float]]] = {}
    for setting, values in settings.items():
        model = AdditiveModel(values)
        against_baseline = [(method, BASELINE) for method in values if method != BASELINE]
        trials[setting] = [
            _estimated(values, model, Comparison(*pair, (), higher_is_better=setting not in lower_is_better))
            for pair in (against_baseline if pairs is None else pairs)
            if values.keys() >= set(pair)
        ]
    tested = [comparison.p_single for group in trials.values() for comparison, error in group if error]
    corrected = zip(*holm(tested), strict=True)
    return {
        setting: [_bounded(each, error, *next(corrected), len(tested)) if error else each for each, error in group]
        for setting, group in trials.items()
    }


def _bounded(comparison: Comparison, error: float, p: float, level: float, tests: int) -> Comparison:
    """Add the corrected p, the interval of confidence 1 - level, and the smallest difference that would show."""
    half = float(special.stdtrit(comparison.df, 1 - level / 2)) * error
    low, high = comparison.mean - half, comparison.mean + half
    bootstrap, df = None, comparison.df
    if comparison.seeds >= MANY:
        bootstrap = bca(comparison.values, level)
        low, high = min(low, bootstrap[0]), max(high, bootstrap[1])
        # The bootstrap sees this pair's differences alone, so a claim is no surer than with their own variance.
        df = min(df, comparison.seeds - 1)
    smallest = error * noncentrality(df, ALPHA / tests)
    return replace(comparison, low=low, high=high, p=p, smallest=smallest, tests=tests, bootstrap=bootstrap)


def _estimated(values: Values, model: AdditiveModel, comparison: Comparison) -> tuple[Comparison, float]:
    """Add the estimate and its uncorrected p to a comparison, as far as its seeds allow.

    Returns:
        The comparison, and the standard error of the difference, in points; 0 where no test is possible.
    """
    method, baseline = comparison.method, comparison.baseline
    common = sorted(values[method].keys() & values[baseline].keys())
    by_seed = tuple((seed, values[method][seed] - values[baseline][seed]) for seed in common)
    if not by_seed:
        return comparison, 0.0
    mean, factor = model.difference(method, baseline)
    if len(by_seed) < FEWEST:
        mean = by_seed[0][1]  # what was measured; nothing is inferred from one seed
    if abs(mean) <= SAME * max(1.0, model.scale):
        mean = 0.0
    comparison = replace(comparison, by_seed=by_seed, mean=mean, df=model.df)
    if len(by_seed) < FEWEST or not model.df:
        return comparison, 0.0
    if not model.variance:
        # Equal values are equal. A difference without any variation has no measure of chance: with few seeds, coarse
        # metrics or copied runs explain it as well as anything, and no p is honest.
        return (comparison if mean else replace(comparison, low=0.0, high=0.0)), 0.0
    error = math.sqrt(model.variance * factor)
    p = 2 * float(special.stdtr(model.df, -abs(mean) / error))
    return replace(comparison, deviation=math.sqrt(2 * model.variance), p_single=p), error


def seeds_needed(comparison: Comparison, most: int = 30) -> int | None:
    """Return how many seeds would show a difference of the estimated size, with probability `POWER`.

    The estimated difference and deviation are taken for the true ones. The number is a rough guide for planning.

    Args:
        comparison: that was tested.
        most: None is returned where more seeds are needed, and where nothing was tested.
    """
    if not comparison.tests or not comparison.mean:
        return None
    for seeds in range(FEWEST, most + 1):
        df = max(1, round(comparison.df * (seeds - 1) / max(1, comparison.seeds - 1)))
        shown = noncentrality(df, ALPHA / comparison.tests) * comparison.deviation / math.sqrt(seeds)
        if shown <= abs(comparison.mean):
            return seeds
    return None


def penalty_matrix(settings: Iterable[Mapping[float, Values]], methods: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return how often each method was significantly better than each other (Ash et al. 2020, BADGE, section 4).

    For each setting with L budgets, entry [i, j] grows by 1 / L for each budget at which method i is ahead of method j.
    The mean of column j is method j's penalty; lower is better. The largest possible entry is the number of settings.
    Unlike in the paper, the t tests pool the variance and are corrected for the pairs of a budget, so that few seeds
    suffice.

    Args:
        settings: for each, by budget: values as `compare` takes them, of which higher ones are better.
        methods: in the order of rows and columns; a method that is missing at a budget has no penalty there.

    Returns:
        (M, M) float64.
    """
    matrix = np.zeros((len(methods), len(methods)))
    for by_budget in settings:
        for values in by_budget.values():
            present = [method for method in methods if method in values]
            for comparison in compare(values, list(combinations(present, 2))):
                if comparison.shows:
                    pair = methods.index(comparison.method), methods.index(comparison.baseline)
                    matrix[pair if comparison.advantage > 0 else pair[::-1]] += 1 / len(by_budget)
    return matrix
