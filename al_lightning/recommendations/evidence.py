"""What published cells say to a question: differences with deviations, and when they say nothing. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

from al_lightning.metrics import metric_of
from al_lightning.recommendations.rules import Question, Rules

Outcome = Literal["ahead", "behind", "mixed", "noise"]
HALF_DIGIT = 0.005
"""Scores and areas are printed with two digits."""


@dataclass(frozen=True)
class Difference:
    """A row less another one in a setting.

    Attributes:
        table: its name.
        column: its key.
        title: table and column for people.
        row: label.
        against: label.
        score: difference of the metric at the table's budget, in points; as `height`, positive where the row is better.
        height: difference of the mean heights (area / scale / width), in points; None where one has no area.
        deviation: of `height`: root of the sum of the two rows' squares; None where one is not printed.
        doubts: why an area is not to be relied on; then the score counts.
        error: the deviation that is reckoned with: the printed one, else the assumed one.
        rounding: `height`, or the score where that counts, is known to within so much.
    """

    table: str
    column: str
    title: str
    row: str
    against: str
    score: float
    height: float | None
    deviation: float | None
    doubts: tuple[str, ...]
    error: float
    rounding: float

    @property
    def by_height(self) -> bool:
        """Whether the mean height counts; otherwise the score."""
        return self.height is not None and not self.doubts

    @property
    def value(self) -> float:
        """The difference that counts, in points."""
        return self.height if self.height is not None and self.by_height else self.score

    @property
    def assumed(self) -> bool:
        """Whether its deviation is assumed and not printed."""
        return not self.by_height or self.deviation is None


@dataclass(frozen=True)
class Evidence:
    """The answer to a question.

    Attributes:
        question: it.
        differences: a setting each.
        mean: over the settings, in points.
        deviation: of the mean: the larger of what the runs' deviations and the spread between settings make it.
        outcome: `ahead`, `behind`, `mixed` (settings disagree) or `noise` (below the demanded number of deviations).
    """

    question: Question
    differences: tuple[Difference, ...]
    mean: float
    deviation: float
    outcome: Outcome

    @property
    def assumed(self) -> int:
        """In how many settings the deviation is assumed."""
        return sum(one.assumed for one in self.differences)


def difference(rules: Rules, question: Question, table: str, column: str) -> Difference:
    """Return what a setting says."""
    where, _, first = rules.cell(table, column, question.row)
    _, _, second = rules.cell(table, column, question.against)
    sign, width = metric_of(where.metric).sign, where.area_scale * where.width
    height = deviation = None
    if first.area is not None and second.area is not None:
        height = sign * (first.area - second.area) / width
    if height is not None and first.area_std is not None and second.area_std is not None:
        deviation = math.hypot(first.area_std, second.area_std) / width
    labels = (question.row, question.against)
    doubts = tuple(f"{row}: {rules.doubtful[key]}" for row in labels if (key := (table, column, row)) in rules.doubtful)
    counts = height is not None and not doubts
    return Difference(
        table=table,
        column=column,
        title=f"{rules.tables[table].title.partition(':')[0]}, {where.title}",
        row=question.row,
        against=question.against,
        score=sign * (float(first.score or 0) - float(second.score or 0)),
        height=height,
        deviation=deviation,
        doubts=doubts,
        error=deviation if deviation is not None and counts else rules.assumed[rules.tables[table].task],
        rounding=2 * HALF_DIGIT / (width if counts else 1),
    )


def ask(rules: Rules, question: Question) -> Evidence:
    """Return the answer of the cells that a question names."""
    found = tuple(difference(rules, question, table, column) for table, column in question.settings)
    return Evidence(question, found, *judge(found, rules.deviations))


def judge(found: Sequence[Difference], deviations: float) -> tuple[float, float, Outcome]:
    """Weigh differences of several settings.

    The deviation of their mean is the larger of two estimates: from the runs (root of the sum of squares, divided by
    the number of settings) and from the spread between settings (their standard deviation over the root of their
    number). Settings disagree where one points up and another down, each by more than its own deviation and rounding.

    Args:
        found: one or more.
        deviations: a mean below so many of its deviations is noise.

    Returns:
        The mean and its deviation, in points, and the outcome.
    """
    values = [one.value for one in found]
    mean = fmean(values)
    runs = math.sqrt(sum(one.error**2 for one in found)) / len(found)
    spread = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    deviation = max(runs, spread)
    signs = {math.copysign(1, one.value) for one in found if abs(one.value) > max(one.error, one.rounding)}
    if len(signs) > 1:
        return mean, deviation, "mixed"
    if mean == 0 or abs(mean) < deviations * deviation:
        return mean, deviation, "noise"
    return mean, deviation, "ahead" if mean > 0 else "behind"
