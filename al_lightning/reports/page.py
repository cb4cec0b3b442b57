"""The report: one HTML page about a set of runs, on whether active learning helps on some data, and which method.

The page loads nothing and needs no scripts; it is made for phones, light and dark, and print. Equal runs and data give
equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from al_lightning.config.commands import command_of, fit_of
from al_lightning.errors import UsageError
from al_lightning.inspect.collapse import DRAWS
from al_lightning.inspect.counts import REPEATS
from al_lightning.pages.render import render
from al_lightning.progress import duration
from al_lightning.reports import choices
from al_lightning.reports.advice import Advice, advise, on_own_images, unfinished
from al_lightning.reports.chart import curve_charts
from al_lightning.reports.fairness import fairness
from al_lightning.reports.findings import FEW, SHOWN, Findings, Lookup, gather, short_name
from al_lightning.reports.numbers import Dataset, answer, cost, curves, datasets, difference_rows, more
from al_lightning.reports.origin import Origin
from al_lightning.reports.sprite import COLUMNS
from al_lightning.results.claims import counted
from al_lightning.results.comparison import MANY, RULE
from al_lightning.results.health import caution
from al_lightning.results.renderers import all_of
from al_lightning.results.series import BASELINE, Series
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import Run

Guide = Callable[[Sequence[Dataset], Sequence["Findings | str"], Origin | None], Mapping[str, Any]]
"""Gives a page's section about the paper's guide: what `guide.html.jinja` shows, of datasets, findings, and origin."""


def write_report(
    path: Path,
    runs: Sequence[Run],
    data: Lookup,
    title: str,
    *,
    origin: Origin | None = None,
    guide: Guide | None = None,
) -> Path:
    """Write the report about some runs; return its path.

    Args:
        path: the HTML file.
        runs: finished or not, in the order in which strategies are shown.
        data: gives a run's dataset; where that fails, the report says so and has no pictures.
        title: of the page; plain text; "" for the names of what the runs were on.
        origin: the command that made all runs; by default each run has its own.
        guide: holds the runs against the paper's guide; without it, the page has no such section.

    Raises:
        UsageError: there are no runs.
        ALError: the file cannot be written.
    """
    if not runs:
        raise UsageError("A report needs at least one run directory.")
    values = report_values(runs, data, title, origin=origin, guide=guide)
    write_text(path, render("reports/templates/report.html.jinja", values))
    return path


def report_values(
    runs: Sequence[Run], data: Lookup, title: str, *, origin: Origin | None = None, guide: Guide | None = None
) -> dict[str, Any]:
    """Return what `report.html.jinja`, or a template that extends it, shows; arguments as `write_report`'s.

    There may be no runs, if the template shows something else.
    """
    grouped = datasets(runs)
    findings = [gather(dataset, data) for dataset in grouped]
    methods = [method for dataset in grouped for method in (*dataset.methods, *dataset.references)]
    base = {BASELINE, *(dataset.baseline.label for dataset in grouped if dataset.baseline is not None)}
    others = [label for label in dict.fromkeys(method.label for method in methods) if label not in base]
    styles = dict.fromkeys(base, 0) | {label: number for number, label in enumerate(others, start=1)}
    names = [list(each.classes) if isinstance(each, Findings) else [] for each in findings]
    records = [run.record for method in methods for run in method.runs]
    costs, seconds = cost(methods)
    made = [run for method in methods for run in method.runs]
    versions = dict.fromkeys(tuple(run.record.versions.items()) for run in made)
    compared = [each for dataset in grouped for each in dataset.comparisons]
    sections = [_section(number, grouped[number], each, styles, origin) for number, each in enumerate(findings)]
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
        "guide": guide(grouped, findings, origin) if guide is not None and grouped else None,
        "more": more(grouped, names),
        "next": _next(sections),
        "own_images": any(map(on_own_images, grouped)),
        # Of a page that one command made, this command is shown; it has all options.
        "options_unknown": origin is None and any(fit_of(record) is None for record in records),
        "costs": costs,
        "runs": len(made),
        "time": duration(seconds) if seconds >= 0.5 else "less than a second",
        "steps": (),  # of the command that made the page, beside the advice
        "versions": [", ".join(f"{name} {value}" for name, value in each) for each in versions if each],
        "commands": [origin.line] if origin is not None else _commands(methods),
        "columns": COLUMNS,
        "shown": SHOWN,
        "draws": DRAWS,
        "near_duplicates": REPEATS,
        "few": FEW,
        "digits": choices.digits,
        "short_name": short_name,
        "score_axis": choices.score_axis,
    }


def _commands(methods: Sequence[Series]) -> list[str]:
    """Return the commands that made the runs, a loop over seeds where there are several."""
    commands = []
    for method in methods:
        one, *more = (run.record for run in method.runs)
        if not more:
            commands.append(command_of(one, one.seed))
        else:
            seeds = " ".join(map(str, method.seeds))
            commands.append(f"for seed in {seeds}; do {command_of(one, None)}; done")
    return list(dict.fromkeys(commands))


def _next(sections: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Advice]]]:
    """Return the datasets' names and what to try next on them; what holds for several datasets is said once."""
    names: dict[Advice, list[str]] = {}
    for section in sections:
        for advice in section["advice"]:
            names.setdefault(advice, []).append(section["dataset"].name)
    groups: dict[str, list[Advice]] = {}
    for advice, where in names.items():
        groups.setdefault(all_of(where), []).append(advice)
    return list(groups.items())


def _caution(dataset: Dataset) -> list[str]:
    return [text] if (text := caution(dataset.runs)) else []


def _section(
    number: int, dataset: Dataset, findings: Findings | str, styles: dict[str, int], origin: Origin | None
) -> dict[str, Any]:
    """Return a dataset's section: curves, table, differences, choices, and advice."""
    values = {
        "number": number,
        "dataset": dataset,
        "waiting": [f"{run.record.name}, seed {run.record.seed}" for run in unfinished(dataset)],
        "charts": curve_charts(dataset, styles) if dataset.budgets else [],
        "differences": difference_rows(dataset.against_baseline(), dataset.between_strategies()),
        "curves": curves(dataset),
        "agreement": choices.agreement(dataset),
        "advice": advise(dataset, findings if isinstance(findings, Findings) else None, origin),
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
