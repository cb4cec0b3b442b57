"""The answer of a comparison: a sentence for each strategy, what labels bring, and what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.comparisons.check import Checked, trained_fit
from al_lightning.comparisons.comparison import Comparison
from al_lightning.comparisons.plan import FEWEST_SEEDS, gain
from al_lightning.config.commands import with_option
from al_lightning.features.of_run import data_and_features
from al_lightning.pages.render import render
from al_lightning.reports.advice import on_own_images
from al_lightning.reports.numbers import answer, datasets
from al_lightning.reports.origin import Origin
from al_lightning.reports.page import Guide, report_values
from al_lightning.results.durations import seconds_of
from al_lightning.results.health import lacks_of
from al_lightning.results.renderers import all_of, number
from al_lightning.results.series import Series
from al_lightning.runs.files import write_text

ON_LABELS = (
    "These runs chose among images whose labels exist, and read the answers there: they tell how the strategies choose "
    "among these images, not what new images would bring."
)
OF_SEEDS = "The intervals speak of other seeds on this pool and this test set, not of other data."
FROZEN = (
    "The encoder was frozen, and only a linear head was fitted. Where its features do not see what the task is about, "
    "another order of the strategies may hold for a network that is trained."
)


@dataclass(frozen=True)
class NextStep:
    """Something to do next.

    Attributes:
        why: in a sentence.
        command: that does it.
    """

    why: str
    command: str


def sentences(comparison: Comparison) -> list[str]:
    """Return the answer in sentences: one for each strategy, then what labels brought."""
    lines = [line for dataset in datasets(comparison.runs) for line in answer(dataset)]
    return [*lines, *filter(None, [lacks_of(comparison.runs), *map(_gain, comparison.methods[:1])])]


def _gain(method: Series) -> str:
    """Return what more labels brought; "" where it is not known."""
    if (found := gain(method)) is None:
        return ""
    metric, low, high = method.metric, found.points - found.half, found.points + found.half
    change = f"{number(found.points, 1)} points of {metric.title}"
    interval = f"95 % interval {number(low, 1)} to {number(high, 1)}"
    each = f"{found.labels} labels" if found.labels > 1 else "each label"
    rate = f", {number(found.rate, 1)} for {each}" if found.labels < found.end - found.start else ""
    return f"From {found.start:,} to {found.end:,} labels, {method.label} changed by {change} ({interval}){rate}."


def next_steps(comparison: Comparison, command: Sequence[str], checked: bool) -> list[NextStep]:
    """Return what to do next, as commands that run as they stand.

    Args:
        comparison: the comparison.
        command: that made it, without the program's name.
        checked: whether a network was trained on the same labels.
    """
    if (seeds := len({run.record.seed for run in comparison.runs})) == 1:
        of_a_seed = sum(seconds_of(run) or 0 for run in comparison.runs) / comparison.processes
        minutes = math.ceil(2 * FEWEST_SEEDS * of_a_seed / 60)  # of which the runs have at least half
        more = with_option(with_option(command, "--seeds", str(FEWEST_SEEDS)), "--minutes", str(minutes))
        return [NextStep("See more than one seed, for a verdict", shlex.join(["al-lightning", *more]))]
    steps = []
    if not checked:
        these = with_option(command, "--seeds", str(seeds))  # the check alone, without further seeds
        line = shlex.join(["al-lightning", *these, "--check"])
        steps.append(NextStep("See whether a network trained on the same labels is much better", line))
    alike = [method for method in comparison.methods if method.budgets == comparison.methods[0].budgets]  # not `full`
    best = max(alike, key=lambda method: method.metric.sign * _height(method))
    record = best.runs[0].record
    return [*steps, NextStep(_why(best, comparison), trained_fit(record).line(str(record.seed)))]


def _why(best: Series, comparison: Comparison) -> str:
    """Return why a strategy is the one to train with, and over which others its lead is not shown."""
    compared = [each for dataset in datasets(comparison.runs) for each in dataset.against_baseline()]
    pairs = {frozenset((each.method, each.baseline)): each.shows for each in compared}
    unsure = [each for pair, shown in pairs.items() if best.label in pair and not shown for each in pair - {best.label}]
    doubt = f"; its lead over {all_of(unsure)} may be chance" if unsure else ""
    others = {each.label for each in comparison.methods} - {best.label}
    if any(frozenset((best.label, other)) not in pairs for other in others):
        doubt += f"; its lead over {'others' if unsure else 'other strategies'} was not tested"
    metric = best.metric.title
    return (
        f"Train a network with {best.strategy}, which had the best {metric} averaged over the whole curve here{doubt}"
    )


def _height(method: Series) -> float:
    heights = list(method.heights().values())
    return sum(heights) / len(heights) if heights else float("-inf")


def _title(comparison: Comparison) -> str:
    """Return a title with the folder of one's own images; "" for other data, which the setting names."""
    own = any(map(on_own_images, datasets(comparison.runs)))
    return f"{comparison.experiments[0].data.root.resolve().name}: strategies compared" if own else ""


def write_page(
    path: Path,
    comparison: Comparison,
    title: str,
    origin: Origin,
    checked: Checked | None,
    steps: Sequence[NextStep],
    guide: Guide,
) -> Path:
    """Write the page of a comparison; return its path.

    Args:
        path: the HTML file.
        comparison: the comparison.
        title: of the page; "" for the name of the folder of one's own images, or of the setting.
        origin: the command that made it.
        checked: the result of a check; None without one.
        steps: what to do next.
        guide: as for `reports.page.write_report`.
    """
    values: dict[str, Any] = {
        **report_values(
            comparison.runs, data_and_features(()), title or _title(comparison), origin=origin, guide=guide
        ),
        "warning": checked.warning if checked else "",
        "checked": checked.line if checked else "",
        "gains": [text for text in map(_gain, comparison.methods) if text],
        "says": [*filter(None, [ON_LABELS, OF_SEEDS, FROZEN, lacks_of(comparison.runs)])],
        "why": comparison.why,
        "steps": steps,
    }
    write_text(path, render("comparisons/templates/compare.html.jinja", values))
    return path
