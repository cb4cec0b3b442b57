"""All comparisons that a page or a command makes, in one call: what is compared with what, and over what.

A claim is corrected for all comparisons that are made beside it. Pages and commands that show the same runs ask
`claims_of` alone, so that they make the same comparisons and show the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from al_lightning.results.comparison import Comparison
from al_lightning.results.inference import Values
from al_lightning.results.label_value import GAIN, LastStep
from al_lightning.results.series import Series, budgets_of, mean_heights, pairs_with_base
from al_lightning.results.statistics import Pair, compare_settings

Key = tuple[str, ...]
"""What values are of: a setting, and the point of its curves, or "" for their mean height; or a last step."""


@dataclass(frozen=True)
class Claims:
    """Comparisons that were made together.

    Attributes:
        by_setting: those of methods with the baseline of their training, in the order of the methods.
        by_run: those of a run's last step, by run directory.
    """

    by_setting: dict[str, list[Comparison]]
    by_run: dict[Path, Comparison]

    @property
    def counted(self) -> str:
        """How many comparisons are corrected for, a sentence; empty where there is nothing to correct for."""
        made = [*self.by_run.values(), *(each for group in self.by_setting.values() for each in group)]
        return counted(made)


def counted(comparisons: Iterable[Comparison]) -> str:
    """Return how many comparisons are corrected for, a sentence; empty where there is nothing to correct for."""
    tests = max((each.tests for each in comparisons), default=0)
    return f"{tests} comparisons were tested here; each is corrected for all of them." if tests > 1 else ""


def claims_of(settings: Mapping[str, Sequence[Series]], steps: Mapping[Path, LastStep] | None = None) -> Claims:
    """Compare each method with the baseline of its training, all in one correction.

    Curves are compared by their mean height. A method of a single fit has no curve: it is compared at its budget.

    Args:
        settings: the methods of each setting, as `by_setting` returns them.
        steps: by run directory: the metric before and after the last labels, to be compared, too. Runs of one method
            and step have the same values, which are compared once.
    """
    questions = _Questions()
    for setting, methods in settings.items():
        questions.ask(setting, methods)
    of_run = {directory: questions.ask_step(step) for directory, step in (steps or {}).items()}
    found = compare_settings(
        questions.values, questions.pairs, lower_is_better=questions.lower, test_images=questions.images
    )
    by_setting = {}
    for setting, methods in settings.items():
        places = {key[1]: group for key, group in found.items() if len(key) == 2 and key[0] == setting}
        compared = [replace(each, place=place) for place, group in places.items() for each in group]
        order = [method.label for method in methods]
        by_setting[setting] = sorted(compared, key=lambda each: order.index(each.method))
    return Claims(by_setting, {directory: found[key][0] for directory, key in of_run.items()})


@dataclass
class _Questions:
    """What is to be compared; see `compare_settings`."""

    values: dict[Key, Values] = field(default_factory=dict)
    pairs: dict[Key, Sequence[Pair]] = field(default_factory=dict)
    lower: set[Key] = field(default_factory=set)
    images: dict[Key, dict[str, int]] = field(default_factory=dict)

    def ask(self, setting: str, methods: Sequence[Series]) -> None:
        """Ask for the methods of a setting: their mean heights, and single fits at their budgets."""
        heights = mean_heights(methods)
        lower = not methods[0].metric.higher_is_better
        images = {each.label: count for each in methods if (count := each.test_images) is not None}
        self._add((setting, ""), heights, pairs_with_base(methods, heights), lower, images)
        first = min(budgets_of(each for each in methods if each.loops), default=math.inf)
        # A single point at the first budget is of a curve that has just begun: there all methods are the same.
        single = {each.label: each for each in methods if not each.loops and each.budgets and each.budgets[0] > first}
        for budget in dict.fromkeys(each.budgets[0] for each in single.values()):
            values = {each.label: points for each in methods if (points := _points(each, budget))}
            pairs = [pair for pair in pairs_with_base(methods, values) if pair[0] in single]
            if pairs:
                place = f"at {single[pairs[0][0]].curves[0].labelled[0]:,} labels"
                self._add((setting, place), values, pairs, lower, images)

    def ask_step(self, step: LastStep) -> Key:
        """Ask for the gain of a run's last labels; return its key."""
        key = next((key for key, values in self.values.items() if len(key) == 1 and values == step.values), None)
        if key is None:
            key = (str(len(self.values)),)
            images = dict.fromkeys(GAIN, step.images) if step.images is not None else {}
            self._add(key, step.values, [GAIN], not step.higher_is_better, images)
        return key

    def _add(self, key: Key, values: Values, pairs: Sequence[Pair], lower: bool, images: dict[str, int]) -> None:
        self.values[key], self.pairs[key], self.images[key] = values, pairs, images
        if lower:
            self.lower.add(key)


def _points(series: Series, budget: float) -> dict[int, float]:
    """Return the metric at a budget of the series, by seed."""
    return series.at(budget) if series.fractions else series.at_labelled(round(budget))
