"""All comparisons that a page or a command makes, in one call: what is compared with what, and over what.

A claim is corrected for all comparisons that are made beside it. Pages and commands that show the same runs ask
`claims_of` alone, so that they make the same comparisons and show the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from al_lightning.results.baselines import pairs_with_base
from al_lightning.results.comparison import Comparison
from al_lightning.results.series import Series, budgets_of, mean_heights
from al_lightning.results.statistics import PairedValues, compare_together


@dataclass(frozen=True)
class Claims:
    """Comparisons that were made together.

    Attributes:
        by_setting: those of methods with the baseline of their training, in the order of the methods.
        by_run: those of a run's last step, by run directory.
        counted: how many comparisons are corrected for; see `counted`.
    """

    by_setting: dict[str, list[Comparison]]
    by_run: dict[Path, Comparison]
    counted: str


def counted(comparisons: Iterable[Comparison]) -> str:
    """Return how many comparisons are corrected for, a sentence; empty where there is nothing to correct for."""
    tests = max((each.tests for each in comparisons), default=0)
    return f"{tests} comparisons were tested here; each is corrected for all of them." if tests > 1 else ""


def claims_of(settings: Mapping[str, Sequence[Series]], steps: Mapping[Path, PairedValues] | None = None) -> Claims:
    """Compare each method with the baseline of its training, all in one correction.

    Curves are compared by their mean height. A method of a single fit has no curve: it is compared at its budget.

    Args:
        settings: the methods of each setting, as `by_setting` returns them.
        steps: by run directory: the metric before and after the last labels, to be compared, too. Runs of one method
            and step have the same values, which are compared once.
    """
    asked = {
        (setting, place): paired
        for setting, methods in settings.items()
        for place, paired in (("", _of_curves(methods)), *_of_single_fits(methods))
    }
    distinct: list[PairedValues] = []
    for step in (steps or {}).values():
        distinct += [step] if step not in distinct else []
    of_steps = {("", str(number)): step for number, step in enumerate(distinct)}
    found = compare_together({**asked, **of_steps})
    by_setting: dict[str, list[Comparison]] = {}
    for setting, methods in settings.items():
        places = [place for other, place in asked if other == setting]
        compared = [replace(each, place=place) for place in places for each in found[setting, place]]
        order = [method.label for method in methods]
        by_setting[setting] = sorted(compared, key=lambda each: order.index(each.method))
    by_run = {directory: found["", str(distinct.index(step))][0] for directory, step in (steps or {}).items()}
    made = [*by_run.values(), *(each for group in by_setting.values() for each in group)]
    return Claims(by_setting, by_run, counted(made))


def _of_curves(methods: Sequence[Series]) -> PairedValues:
    return _paired(methods, mean_heights(methods))


def _of_single_fits(methods: Sequence[Series]) -> Iterator[tuple[str, PairedValues]]:
    """Yield, for each budget of a single fit, which point of the curves that is, and what is compared there."""
    first = min(budgets_of(each for each in methods if each.loops), default=math.inf)
    # A single point at the first budget is of a curve that has just begun: there all methods are the same.
    single = {each.label: each for each in methods if not each.loops and each.budgets and each.budgets[0] > first}
    for budget in dict.fromkeys(each.budgets[0] for each in single.values()):
        values = {each.label: points for each in methods if (points := _points(each, budget))}
        paired = _paired(methods, values)
        pairs = [pair for pair in paired.pairs if pair[0] in single]
        if pairs:
            yield f"at {single[pairs[0][0]].curves[0].labelled[0]:,} labels", replace(paired, pairs=pairs)


def _paired(methods: Sequence[Series], values: Mapping[str, Mapping[int, float]]) -> PairedValues:
    images = {each.label: count for each in methods if (count := each.test_images) is not None}
    return PairedValues(values, pairs_with_base(methods, values), methods[0].metric.higher_is_better, images)


def _points(series: Series, budget: float) -> dict[int, float]:
    """Return the metric at a budget of the series, by seed."""
    return series.at(budget) if series.fractions else series.at_labelled(round(budget))
