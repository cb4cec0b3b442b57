"""The report: one HTML page about a set of runs, on whether active learning helps on some data, and which method.

The page loads nothing and needs no scripts; it is made for phones, light and dark, and print. Equal runs and data give
equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from al_lightning.errors import UsageError
from al_lightning.inspect.collapse import DRAWS
from al_lightning.inspect.counts import REPEATS
from al_lightning.pages.render import render
from al_lightning.reports import choices
from al_lightning.reports.advice import advise, unfinished
from al_lightning.reports.chart import curve_charts
from al_lightning.reports.fairness import fairness
from al_lightning.reports.findings import SHOWN, Findings, Lookup, gather, short_name
from al_lightning.reports.numbers import Dataset, answer, cost, curves, datasets, difference_rows, more
from al_lightning.reports.sprite import COLUMNS
from al_lightning.results.claims import counted
from al_lightning.results.comparison import MANY, RULE
from al_lightning.results.health import caution
from al_lightning.results.renderers import all_of
from al_lightning.results.series import BASELINE
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import command_of

Guide = Callable[[Sequence[Dataset], Sequence["Findings | str"]], Mapping[str, Any]]
"""Gives a page's section about the study's guide: what `guide.html.jinja` shows."""


def write_report(
    path: Path, runs: Sequence[Run], data: Lookup, title: str, *, command: str = "", guide: Guide | None = None
) -> Path:
    """Write the report about some runs; return its path.

    Args:
        path: the HTML file.
        runs: finished or not, in the order in which strategies are shown.
        data: gives a run's dataset; where that fails, the report says so and has no pictures.
        title: of the page; plain text; "" for the names of what the runs were on.
        command: that made the runs, to be shown; by default each run's own.
        guide: holds the runs against the study's guide; without it, the page has no such section.

    Raises:
        UsageError: there are no runs.
        ALError: the file cannot be written.
    """
    if not runs:
        raise UsageError("A report needs at least one run directory.")
    values = report_values(runs, data, title, command=command, guide=guide)
    write_text(path, render("reports/templates/report.html.jinja", values))
    return path


def report_values(
    runs: Sequence[Run], data: Lookup, title: str, *, command: str = "", guide: Guide | None = None
) -> dict[str, Any]:
    """Return what `report.html.jinja`, or a template that extends it, shows; arguments as `write_report`'s.

    There may be no runs, if the template shows something else.
    """
    grouped = datasets(runs)
    findings = [gather(dataset, data) for dataset in grouped]
    methods = [method for dataset in grouped for method in (*dataset.methods, *dataset.references)]
    others = [label for label in dict.fromkeys(method.label for method in methods) if label != BASELINE]
    styles = {BASELINE: 0} | {label: number for number, label in enumerate(others, start=1)}
    names = [list(each.classes) if isinstance(each, Findings) else [] for each in findings]
    commands = [command] if command else dict.fromkeys(command_of(m.runs[0].record, "S") for m in methods)
    costs, seconds = cost(methods)
    made = [run for method in methods for run in method.runs]
    versions = dict.fromkeys(tuple(run.record.versions.items()) for run in made)
    compared = [each for dataset in grouped for each in dataset.comparisons]
    sections = [_section(number, grouped[number], each, styles) for number, each in enumerate(findings)]
    return {
        "title": title or all_of(dataset.name for dataset in grouped),
        "baseline": BASELINE,
        "styles": styles,
        "rule": RULE,
        "answers": [(dataset.name, [*answer(dataset), *_caution(dataset)]) for dataset in grouped],
        "points": dict.fromkeys(dataset.metric.points for dataset in grouped if dataset.metric.name),
        "judged": any(each.seeds > 1 for each in compared),
        "pooled": any(each.pooled for each in compared),
        "many_seeds": MANY,
        "counted": counted(compared),
        "sections": sections,
        "conditions": [condition.line for condition in fairness(made)],
        "guide": guide(grouped, findings) if guide is not None and grouped else None,
        "more": more(grouped, names),
        "repeat_options": any(each.commands for section in sections for each in section["advice"]),
        "costs": costs,
        "runs": len(made),
        "minutes": seconds / 60,
        "versions": [", ".join(f"{name} {value}" for name, value in each) for each in versions if each],
        "commands": commands,
        "columns": COLUMNS,
        "shown": SHOWN,
        "draws": DRAWS,
        "near_duplicates": REPEATS,
        "digits": choices.digits,
        "short_name": short_name,
        "score_axis": choices.score_axis,
    }


def _caution(dataset: Dataset) -> list[str]:
    return [text] if (text := caution(dataset.runs)) else []


def _section(number: int, dataset: Dataset, findings: Findings | str, styles: dict[str, int]) -> dict[str, Any]:
    """Return a dataset's section: curves, table, differences, choices, and advice."""
    values = {
        "number": number,
        "dataset": dataset,
        "waiting": [f"{run.record.name}, seed {run.record.seed}" for run in unfinished(dataset)],
        "charts": curve_charts(dataset, styles) if dataset.budgets else [],
        "differences": difference_rows(dataset.against_baseline(), dataset.between_strategies()),
        "curves": curves(dataset),
        "agreement": choices.agreement(dataset),
        "advice": advise(dataset, findings if isinstance(findings, Findings) else None),
    }
    if isinstance(findings, str):
        return {**values, "findings": None, "missing": findings}
    return {
        **values,
        "findings": findings,
        "overview": choices.overview(dataset, findings),
        "rare": [name for name, rare in zip(findings.classes, findings.rare, strict=True) if rare],
        "repetition": choices.repetition(dataset, findings),
        "thinned": choices.thinned(findings),
        "map": choices.pool_map(dataset, findings.map) if findings.map else None,
        "colours": choices.class_colours(findings),
        "bars": {label: choices.bars(label, findings) for label in findings.batches},
    }
