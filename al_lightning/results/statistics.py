"""Compare methods over few seeds: what may be claimed, and which differences these seeds could have shown.

From 5 seeds on a pair is judged by the differences between its two methods, seed by seed: Student's t with n - 1
degrees of freedom. What the methods share at a seed, such as the initial set, cancels. Other methods enter through the
number of comparisons alone, never through their noise, whatever that is.

With 2 to 4 seeds a pair's differences are too few to tell their own variance. It is therefore estimated from all
methods of a setting together, by the additive model of randomized blocks, the seeds being the blocks (Montgomery,
Design and Analysis of Experiments, chapter 4):

    value[method, seed] = method + seed + noise

The noise is assumed to have one variance for all methods; each such verdict says so. Where one method is noisier than
the others, more than 5 % of sets of comparisons make a false claim: docs/choices.md has the measured rates. A test of
equal variances beforehand does not mend that, since with few seeds it hardly ever notices.

Both assume that seeds are independent, and differences roughly normal. Heavy tails and skew make claims rarer
(simulated: Student's t with 3 degrees of freedom, exponential).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from statistics import fmean
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from al_lightning.errors import UsageError, nearest
from al_lightning.metrics import PERCENT
from al_lightning.results.comparison import FEWEST, MANY, Comparison
from al_lightning.results.inference import (
    ALPHA,
    SAME,
    AdditiveModel,
    Values,
    check_finite,
    holm,
    newcombe,
    noncentrality,
)
from al_lightning.results.series import BASELINE

__all__ = ["PairedValues", "compare", "compare_together", "penalty_matrix", "seeds_needed"]

Pair = tuple[str, str]
"""The method under test, and the method it is compared with."""
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class PairedValues:
    """Which methods of one setting are compared, and by which values.

    Attributes:
        values: by method and seed, in points (percentage points of the metric). With 2 to 4 seeds all of these methods
            contribute to the variance, also those of no pair.
        pairs: (method, baseline).
        higher_is_better: whether a higher value is better.
        images: by method, number of test images, where the values are accuracies in percent.
    """

    values: Values
    pairs: Sequence[Pair]
    higher_is_better: bool = True
    images: Mapping[str, int] = field(default_factory=dict)


def compare(values: Values, pairs: Sequence[Pair] | None = None, *, higher_is_better: bool = True) -> list[Comparison]:
    """Compare methods of one setting, paired by seed; a claim is corrected for all pairs of this call.

    Args:
        values: as in `PairedValues`.
        pairs: (method, baseline); by default each method with `random`, if that is there.
        higher_is_better: whether a higher value is better.

    Returns:
        A comparison for each pair, in their order.

    Raises:
        UsageError: a pair names an unknown method or one method twice, or a value is not finite.
    """
    if pairs is None:
        pairs = [(method, BASELINE) for method in values if method != BASELINE and BASELINE in values]
    return compare_together({"": PairedValues(values, pairs, higher_is_better)})[""]


def compare_together(asked: Mapping[Key, PairedValues]) -> dict[Key, list[Comparison]]:
    """Compare methods in several settings, for example a table's columns; claims are corrected for all of them.

    Returns:
        By key: the comparisons, in the order of the pairs.

    Raises:
        UsageError: as `compare`.
    """
    trials = {key: _trials(paired) for key, paired in asked.items()}
    tested = [comparison.p_single for group in trials.values() for comparison, error in group if error]
    corrected = zip(*holm(tested), strict=True)
    return {
        key: [_bounded(each, error, *next(corrected), len(tested)) if error else each for each, error in group]
        for key, group in trials.items()
    }


def _trials(paired: PairedValues) -> list[tuple[Comparison, float]]:
    """Return each comparison without correction, and the standard error of the difference, in points.

    The error is 0 where no test is possible.
    """
    values = paired.values
    check_finite(values)
    for pair in paired.pairs:
        for name in pair:
            if name not in values:
                raise UsageError(f"There are no values of {name!r} to compare.{nearest(name, values)}")
        if pair[0] == pair[1]:
            raise UsageError(f"{pair[0]} cannot be compared with itself.")
    few = any(FEWEST <= len(_common(values, *pair)) < MANY for pair in paired.pairs)
    model = AdditiveModel(values) if few else None
    return [_trial(paired, model, *pair) for pair in paired.pairs]


def _common(values: Values, method: str, baseline: str) -> list[int]:
    """Return the seeds that both methods have, ascending."""
    return sorted(values[method].keys() & values[baseline].keys())


def _bounded(comparison: Comparison, error: float, p: float, level: float, tests: int) -> Comparison:
    """Add the corrected p, the interval of confidence 1 - level, and the smallest difference that would show."""
    half = float(special.stdtrit(comparison.df, 1 - level / 2)) * error
    low, high = comparison.mean - half, comparison.mean + half
    smallest = error * noncentrality(comparison.df, ALPHA / tests)
    return replace(comparison, low=low, high=high, p=p, smallest=smallest, tests=tests)


def _trial(paired: PairedValues, model: AdditiveModel | None, method: str, baseline: str) -> tuple[Comparison, float]:
    """Return one comparison of `_trials`; without a model, by the pair's own differences."""
    values, common = paired.values, _common(paired.values, method, baseline)
    by_seed = tuple((seed, values[method][seed] - values[baseline][seed]) for seed in common)
    comparison = Comparison(method, baseline, by_seed, higher_is_better=paired.higher_is_better)
    if not common:
        return comparison, 0.0
    own_df = len(common) - 1
    if model is not None and FEWEST <= len(common) < MANY:
        mean, factor = model.difference(method, baseline)
        df, scale, deviation = model.df, model.scale, math.sqrt(2 * model.variance)
        error = deviation * math.sqrt(factor / 2)
    else:
        mean, df = fmean(comparison.values), own_df
        scale = max(abs(values[name][seed]) for name in (method, baseline) for seed in common)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in comparison.values) / max(1, df))
        error = deviation / math.sqrt(len(common))
    rounding = SAME * max(1.0, scale)
    comparison = replace(comparison, mean=0.0 if abs(mean) <= rounding else mean)
    if not df or deviation <= rounding:
        # A difference without any variation has no measure of chance: with few seeds, coarse metrics or copied runs
        # explain it as well as anything, and no p is honest.
        return _by_test_images(paired, comparison), 0.0
    p = 2 * float(special.stdtr(df, -abs(comparison.mean) / error))
    return replace(comparison, df=df, pooled=df > own_df, deviation=deviation, p_single=p), error


def _by_test_images(paired: PairedValues, comparison: Comparison) -> Comparison:
    """Add Newcombe's interval to a comparison of accuracies that cannot be tested, where both saw as many images.

    The seeds share their test images, so that further seeds make the interval no narrower.
    """
    pair = (comparison.method, comparison.baseline)
    count, other = (paired.images.get(name, 0) for name in pair)
    if not count or other != count:
        return comparison
    first, second = (fmean(paired.values[name][seed] for seed, _ in comparison.by_seed) / PERCENT for name in pair)
    low, high = newcombe(first, second, count)
    return replace(comparison, images=count, by_images=(PERCENT * low, PERCENT * high))


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
        df = seeds - 1
        if seeds < MANY and comparison.pooled:
            df = max(1, round(comparison.df * (seeds - 1) / max(1, comparison.seeds - 1)))
        shown = noncentrality(df, ALPHA / comparison.tests) * comparison.deviation / math.sqrt(seeds)
        if shown <= abs(comparison.mean):
            return seeds
    return None


def penalty_matrix(settings: Iterable[Mapping[float, Values]], methods: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return how often each method was significantly better than each other (Ash et al. 2020, BADGE, section 4).

    For each setting with L budgets, entry [i, j] grows by 1 / L for each budget at which method i is ahead of method j.
    The mean of column j is method j's penalty; lower is better. The largest possible entry is the number of settings.
    The t tests are those of `compare`, corrected for the pairs of a budget alone. Over several budgets and settings,
    more than one matrix in twenty therefore has an entry without any difference: it describes, and claims nothing.

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
