"""Curves and choices of runs, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from al_lightning.errors import printable
from al_lightning.results.curves import Curve
from al_lightning.results.renderers import aligned, mean_text
from al_lightning.results.series import Series, budgets_of, distinct_names
from al_lightning.runs.journal import Run
from al_lightning.runs.selections import read_choice


def curve_table(curve: Curve) -> str:
    """Return one run's curve: a line for each cycle, then the area."""
    if curve.untested:
        trained = ", ".join(map(str, curve.untested))
        return (
            f"{curve.name}, seed {curve.seed}: cycles trained on {trained} labelled images; how good they are is not "
            "known, since there is no test set"
        )
    if not curve.values:
        return f"{curve.name}, seed {curve.seed}: no finished cycle yet"
    rows = [("cycle", "budget", "labelled", curve.metric.name)]
    for cycle, (budget, labelled, value) in enumerate(zip(curve.budgets, curve.labelled, curve.values, strict=True)):
        rows.append((str(cycle), f"{100 * budget:.4g} %", str(labelled), curve.metric.shown(value)))
    text = f"{curve.name}, seed {curve.seed}\n{aligned(rows)}"
    if (height := curve.mean_height) is not None:
        first, last = 100 * curve.budgets[0], 100 * curve.budgets[-1]
        text += f"\narea {curve.area:.4g} from {first:.4g} % to {last:.4g} % (mean height {curve.metric.shown(height)})"
    return text


def comparison_table(series: Sequence[Series]) -> str:
    """Return methods side by side: a line for each, mean +- standard deviation over its seeds.

    Columns are nominal budgets. Each metric has a table of its own; below the tables stand the runs without a finished
    cycle.
    """
    named = [(name, each) for name, each in zip(distinct_names(series), series, strict=True) if each.budgets]
    tables = []
    for metric in dict.fromkeys(each.metric for _, each in named):
        group = [(name, each) for name, each in named if each.metric == metric]
        budgets = budgets_of(each for _, each in group)
        rows = [
            [f"{metric.name}{metric.suffix}, at", *(f"{100 * budget:.4g} %" for budget in budgets), "area", "seeds"]
        ]
        for name, each in group:
            # Areas over different widths do not compare, so an unfinished run shows none.
            areas = each.areas(budgets) if len(budgets) > 1 else {}
            seeds = sum(bool(curve.values) for curve in each.curves)
            points = [_cell(each.at(budget).values(), 2) for budget in budgets]
            rows.append([name, *points, _cell(areas.values(), 3), str(seeds)])
        tables.append(aligned(rows))
    unfinished = [curve_table(curve) for each in series for curve in each.curves if not curve.values]
    return "\n\n".join([*tables, *unfinished])


def chosen_table(run: Run) -> str:
    """Return what a run chose, a line for each image: cycle, order, score, position, name; the initial set first."""
    cycles: list[int | None] = [None, *(record.cycle for record in run.cycles if record.chosen)]
    rows = [("after", "order", "score", "index", "name")]
    for cycle in cycles:
        choice = read_choice(run, cycle)
        for order, (index, score, name) in enumerate(zip(*choice, strict=True) if choice else (), start=1):
            after = "start" if cycle is None else f"cycle {cycle}"
            shown = "" if cycle is None else "-" if score is None else f"{score:.4g}"
            rows.append((after, str(order), shown, str(index), printable(name.replace("\n", "\ufffd"))))
    lines = aligned([row[:4] for row in rows]).splitlines()
    named = [f"{line}  {name}" for line, (*_, name) in zip(lines, rows, strict=True)]
    return "\n".join([f"{run.record.name}, seed {run.record.seed}", *named])


def _cell(values: Collection[float], digits: int) -> str:
    return mean_text(values, digits, "-").replace("±", "+-")
