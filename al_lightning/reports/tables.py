"""The tables of a report: the curves, the differences between strategies, and what the runs cost."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from statistics import fmean

from al_lightning.reports.chart import swatch
from al_lightning.reports.numbers import (
    Dataset,
    Method,
    interval,
    mean_text,
    signed,
    smallest,
    told,
)
from al_lightning.results.renderers import Grid
from al_lightning.results.summary import classes, costs, penalties

STAGES = ("fit", "test", "score", "select")


def differences(dataset: Dataset) -> str:
    """Return the table of paired differences."""
    pairs = dataset.differences()
    if not pairs:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(pair.method)} − {escape(pair.other)}</th>'
        f"<td>{told(pair)}</td><td>{signed(pair)}</td><td>{interval(pair)}</td><td>{smallest(pair)}</td>"
        f"<td>{len(pair.values)}</td></tr>"
        for pair in pairs
    )
    return (
        '<h4>Differences in points, seed by seed</h4><div class="scroll"><table><thead><tr>'
        "<th>strategies</th><th>verdict</th><th>difference</th><th>95 %<br>interval</th><th>would<br>show</th>"
        f"<th>seeds</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="small">First minus second strategy, {escape(dataset.metric_name)} averaged over the curve, of the '
        "seeds that both have finished. Difference: mean ± standard deviation over seeds. Would show: the smallest "
        "difference that these seeds would show, in four of five cases. Verdict: see the rule at the top.</p>"
    )


def curves(dataset: Dataset, styles: Mapping[str, int]) -> str:
    """Return the curves as a table."""
    heads = [f"{100 * budget:.4g} %<br>{dataset.labelled(budget)} labels" for budget in dataset.budgets]
    rows = []
    for method in dataset.methods:
        whole = list(method.whole(dataset.budgets).values())
        cells = [_cell(method.at(budget).values(), len(method.runs)) for budget in dataset.budgets]
        many = len(dataset.budgets) > 1
        areas, heights = [curve.area for curve in whole], [curve.height for curve in whole]
        cells += [mean_text(areas, 3), mean_text(heights)] if many else []
        rows.append(_row(method, styles, [*cells, str(len(method.runs))]))
    for method in dataset.references:
        budget = method.curves[0].budgets[0]
        label = f"{mean_text(method.at(budget).values())} at {100 * budget:.4g} %"
        blank = [""] * (len(heads) + 1 if len(dataset.budgets) > 1 else len(heads) - 1)
        rows.append(_row(method, styles, [label, *blank, str(len(method.runs))]))
    heads += ["area", "mean<br>height"] if len(dataset.budgets) > 1 else []
    return (
        f"<h4>{escape(capital(dataset.metric_name))} in %, mean ± standard deviation over seeds</h4>"
        f'<div class="scroll"><table><thead><tr><th>labelled</th>{"".join(f"<th>{head}</th>" for head in heads)}'
        f"<th>seeds</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small">Area: under the curve, with the share labelled as a fraction. Mean height: area over width, '
        "the metric averaged over the curve; both of runs that went over all of it.</p>"
    )


def _row(method: Method, styles: Mapping[str, int], cells: Sequence[str]) -> str:
    head = f'<th scope="row">{swatch(styles[method.label])}{escape(method.label)}</th>'
    return f"<tr>{head}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _cell(values: Collection[float], seeds: int) -> str:
    text = mean_text(values)
    return text if len(values) in (0, seeds) else f"{text} ({len(values)} of {seeds})"


def cost(found: Sequence[Dataset], command: str) -> str:
    """Return where the numbers come from: commands, seeds, versions, cost."""
    methods = [method for dataset in found for method in (*dataset.methods, *dataset.references)]
    rows, total = [], 0.0
    for method in methods:
        costs = [[cycle.cost for cycle in run.cycles] for run in method.runs if run.cycles]
        sums = [fmean([sum(cost.get(stage, 0.0) for cost in run) for run in costs] or [0.0]) for stage in STAGES]
        total += sum(sums) * len(costs)
        cells = "".join(f"<td>{value:.1f}</td>" for value in sums)
        seeds = ", ".join(map(str, method.seeds))
        rows.append(f'<tr><th scope="row">{escape(method.name)}</th><td>{seeds}</td>{cells}</tr>')
    runs = [run for method in methods for run in method.runs]
    known = list(dict.fromkeys(tuple(run.record.versions.items()) for run in runs))
    versions = "; or ".join(", ".join(f"{name} {value}" for name, value in one) for one in known if one)
    lines = (
        [command] if command else list(dict.fromkeys(f"al-lightning fit --config {m.name} --seed S" for m in methods))
    )
    return (
        f'<section id="made"><h2>How it was made</h2>{code(lines)}'
        f"<p>{len(runs)} runs, {total / 60:.1f} minutes of work in all. Seconds per run, averaged over seeds:</p>"
        '<div class="scroll"><table><thead><tr><th>run</th><th>seeds</th>'
        f"{''.join(f'<th>{stage}</th>' for stage in STAGES)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<p class="small">Versions: {escape(versions) or "not in the journal"}. Every number here comes from the '
        "runs' journals (cycles.jsonl), every picture from their data.</p></section>"
    )


def code(lines: Sequence[str]) -> str:
    """Return lines for a shell; where the page is narrow, they break before an option and nowhere else."""
    broken = [" ".join(f"<span>{escape(part)}</span>" for part in re.split(" (?=--)", line)) for line in lines]
    return f"<pre><code>{chr(10).join(broken)}</code></pre>"


def capital(text: str) -> str:
    """Return a text with its first letter capital, unless the first word has a capital elsewhere, as mIoU."""
    return text[:1].upper() + text[1:] if text.split(" ")[0].islower() else text


def grid_html(grid: Grid) -> str:
    """Return a table of results as HTML."""
    head = "".join(f"<th>{escape(title).replace(', ', ',<br>')}</th>" for title in grid.rows[0])
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in grid.rows[1:]
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def more(found: Sequence[Dataset], class_names: Sequence[Sequence[str]]) -> str:
    """Return label costs, classes and penalties, folded away; empty where there are none.

    Args:
        found: what was run on.
        class_names: of each.
    """
    settings = {dataset.name: dataset.methods for dataset in found}
    parts = []
    for (name, series), names in zip(settings.items(), class_names, strict=True):
        grids = [grid for grid in (costs(series), classes(series, names)) if grid is not None]
        parts += [f"<h4>{escape(name)}: {escape(grid.title)}</h4>{grid_html(grid)}" for grid in grids]
    if len(settings) > 1 and (charged := penalties(settings)) is not None:
        parts.append(f"<h4>{escape(charged.title)}</h4>{grid_html(charged)}")
    if not parts:
        return ""
    return (
        '<section id="more"><h2>Label costs, classes, penalties</h2><details><summary>Labels a strategy saves, '
        f"which classes gain, who is ahead how often</summary>{''.join(parts)}</details></section>"
    )
