"""The answer of a comparison: a sentence for each strategy, what labels bring, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.comparisons.check import NETWORK
from al_lightning.comparisons.comparison import Comparison, Request
from al_lightning.comparisons.plan import gain_per_hundred
from al_lightning.features.of_run import data_and_features
from al_lightning.pages.render import render
from al_lightning.reports.numbers import answer, datasets
from al_lightning.reports.origin import Origin
from al_lightning.reports.page import Guide, report_values
from al_lightning.results.renderers import number
from al_lightning.results.series import BASELINE, Series
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
    return [*lines, *filter(None, map(_gain, comparison.methods[:1]))]


def _gain(method: Series) -> str:
    """Return what 100 more labels brought; "" where it is not known."""
    if (found := gain_per_hundred(method)) is None:
        return ""
    start, end, gain, half = found
    metric = method.metric
    return (
        f"From {start:,} to {end:,} labels, 100 more brought {method.label} {number(gain, 1)} points of {metric.title} "
        f"(95 % interval {number(gain - half, 1)} to {number(gain + half, 1)})."
    )


def next_steps(request: Request, budget: Sequence[str], comparison: Comparison, checked: bool) -> list[NextStep]:
    """Return what to do next, as commands that run as they stand."""
    options = [*request.options, *budget]
    steps = []
    if not checked:
        again = ["compare", request.dataset, *_of_request(request), *request.options, "--check"]
        steps.append(NextStep("See whether a network trained on the same labels is much better", _line(again)))
    best = max(comparison.methods, key=lambda method: method.metric.sign * _height(method))
    strategy = request.strategies[[each.name for each in comparison.experiments].index(best.name)]
    own = ["--acquisition", strategy] if "." in strategy else []
    name = f"{request.dataset}_{NETWORK}_{BASELINE if own else strategy}"
    fit = ["fit", "--config", name, *options, *own]
    steps.append(NextStep(f"Train a network with the strategy that was highest here, {strategy}", _line(fit)))
    return steps


def _height(method: Series) -> float:
    heights = list(method.heights().values())
    return sum(heights) / len(heights) if heights else float("-inf")


def _of_request(request: Request) -> list[str]:
    """Return the command's own options that a comparison was asked for with."""
    words = ["--strategies", ",".join(request.strategies)]
    words += ["--seeds", str(request.limits.seeds), "--minutes", f"{request.limits.minutes:g}"]
    words += ["--encoder", request.encoder] if request.encoder else []
    return words + (["--run_dir", str(request.run_dir)] if request.run_dir else [])


def _line(words: Sequence[str]) -> str:
    return shlex.join(["al-lightning", *words])


def write_page(
    path: Path,
    comparison: Comparison,
    title: str,
    origin: Origin,
    warning: str,
    steps: Sequence[NextStep],
    guide: Guide,
) -> Path:
    """Write the page of a comparison; return its path.

    Args:
        path: the HTML file.
        comparison: the comparison.
        title: of the page; "" for the name of the setting.
        origin: the command that made it.
        warning: stands above the verdicts; "" for none.
        steps: what to do next.
        guide: as for `reports.page.write_report`.
    """
    values: dict[str, Any] = {
        **report_values(comparison.runs, data_and_features(()), title, origin=origin, guide=guide),
        "warning": warning,
        "gains": [text for text in map(_gain, comparison.methods) if text],
        "says": [ON_LABELS, OF_SEEDS, FROZEN],
        "why": comparison.why,
        "steps": steps,
    }
    write_text(path, render("comparisons/templates/compare.html.jinja", values))
    return path
