"""The answers of published cells to a question: differences with deviations, or noise. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

from al_lightning.metrics import metric_of
from al_lightning.recommendations.rules import Question, Rule, Rules

Outcome = Literal["ahead", "behind", "mixed", "noise"]
HALF_DIGIT = 0.005
"""Scores and areas are printed with two digits."""


@dataclass(frozen=True)
class Difference:
    """The difference of two rows in a setting.

    Attributes:
        table: name of the table.
        column: key of the column.
        title: of table and column, for the reader.
        row: label of the row.
        against: label of the row it is compared with.
        score: difference of the metric at the table's budget, in points; as `height`, positive where the row is better.
        height: difference of the mean heights (area / scale / width), in points; None where a row has no area.
        deviation: of `height`: root of the sum of the two rows' squares; None where a row's is not printed.
        doubts: why an area is unreliable; the score then counts.
        error: the printed deviation, else the assumed one.
        rounding: largest rounding error of the value that counts.
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
        """Whether the deviation is assumed."""
        return not self.by_height or self.deviation is None


@dataclass(frozen=True)
class Evidence:
    """The answer to a question.

    Attributes:
        question: that was asked.
        differences: one for each setting.
        mean: over the settings, in points.
        deviation: of the mean; see `judge`.
        outcome: `ahead`, `behind`, `mixed` (settings disagree) or `noise` (below the demanded number of deviations).
    """

    question: Question
    differences: tuple[Difference, ...]
    mean: float
    deviation: float
    outcome: Outcome


def difference(rules: Rules, question: Question, table: str, column: str) -> Difference:
    """Return the difference in a setting."""
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
    differences = tuple(difference(rules, question, table, column) for table, column in question.settings)
    return Evidence(question, differences, *judge(differences, rules.deviations))


def judge(differences: Sequence[Difference], deviations: float) -> tuple[float, float, Outcome]:
    """Judge the differences of several settings together.

    The deviation of their mean is the larger of two estimates: from the runs (root of the sum of squares, divided by
    the number of settings) and from the spread between settings (their standard deviation over the root of their
    number). Settings disagree where two differences have opposite signs, each larger than its deviation and rounding.

    Args:
        differences: one or more.
        deviations: a mean below this number of its deviations is noise.

    Returns:
        The mean and its deviation, in points, and the outcome.
    """
    values = [each.value for each in differences]
    mean = fmean(values)
    runs = math.sqrt(sum(each.error**2 for each in differences)) / len(differences)
    spread = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    deviation = max(runs, spread)
    signs = {math.copysign(1, each.value) for each in differences if abs(each.value) > max(each.error, each.rounding)}
    if len(signs) > 1:
        return mean, deviation, "mixed"
    if mean == 0 or abs(mean) < deviations * deviation:
        return mean, deviation, "noise"
    return mean, deviation, "ahead" if mean > 0 else "behind"


@dataclass(frozen=True)
class Carried:
    """How far the numbers of a setting carry what Table 8 prints for it, in points of the mean height of the curve.

    Rows whose network has dropout, single fits and doubtful areas are left out.

    Attributes:
        table: name of the table.
        column: key of the column.
        title: of table and column, for the reader.
        best: label of the highest row.
        best_height: its mean height.
        printed: label of the highest row of the printed kind; "" where its area is doubtful or there is none.
        printed_height: its mean height; None without one.
    """

    table: str
    column: str
    title: str
    best: str
    best_height: float
    printed: str
    printed_height: float | None

    @property
    def carries(self) -> bool:
        """Whether the highest row is of the printed kind."""
        return self.best == self.printed


def carried(rules: Rules, rule: Rule, printed: str) -> tuple[Carried, ...]:
    """Return, for each setting of a rule, which row is highest, and which of those that `printed` means.

    Args:
        rules: all rules.
        rule: of the situation.
        printed: "Random-SSL" and so on; nothing is returned for "".
    """
    settings = dict.fromkeys(setting for question in rule.questions for setting in question.settings)
    return tuple(_carried(rules, table, column, printed) for table, column in settings) if printed else ()


def _carried(rules: Rules, table: str, column: str, printed: str) -> Carried:
    cited = rules.tables[table]
    where = next(each for each in cited.columns if each.key == column)
    heights = [
        (cell.area / (where.area_scale * where.width), row)
        for row in cited.rows
        if (cell := row.cells.get(column)) is not None
        and cell.area is not None
        and row.strong_augmentation
        and not (row.everything or row.mc_dropout or (table, column, row.label) in rules.doubtful)
    ]
    best_height, best = max(heights, key=lambda each: each[0])
    meant = [
        (height, row.label)
        for height, row in heights
        if rules.guide.means(printed, row.acquisition, semi_supervised=row.semi_supervised)
    ]
    own_height, own = max(meant, default=(None, ""))
    title = f"{cited.title.partition(':')[0]}, {where.title}"
    return Carried(table, column, title, best.label, best_height, own, own_height)
