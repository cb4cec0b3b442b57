"""Curves as text tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from al_lightning.errors import printable
from al_lightning.results.curves import Curve
from al_lightning.runs.journal import Run
from al_lightning.runs.selections import read_choice


def _align(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def curve_table(curve: Curve) -> str:
    """Return one run's curve: a line per cycle, then the area."""
    if curve.untested:
        trained = ", ".join(map(str, curve.untested))
        return (
            f"{curve.name}, seed {curve.seed}: cycles trained on {trained} labelled images; how good they are is not "
            "known, since there is no test set"
        )
    if not curve.values:
        return f"{curve.name}, seed {curve.seed}: no finished cycle yet"
    rows = [("cycle", "budget", "labelled", curve.metric)]
    for cycle, (budget, labelled, value) in enumerate(zip(curve.budgets, curve.labelled, curve.values, strict=True)):
        rows.append((str(cycle), f"{100 * budget:.4g} %", str(labelled), f"{value:.2f} %"))
    text = f"{curve.name}, seed {curve.seed}\n{_align(rows)}"
    if (height := curve.mean_height) is not None:
        first, last = 100 * curve.budgets[0], 100 * curve.budgets[-1]
        text += f"\narea {curve.area:.4g} from {first:.4g} % to {last:.4g} % (mean height {height:.2f} %)"
    return text


def comparison_table(curves: Iterable[Curve]) -> str:
    """Return several runs side by side: a line per run's name, mean +- standard deviation over its seeds.

    Columns are nominal budgets; runs whose metric differs come in tables of their own, and runs of one name whose
    settings differ in lines of their own, with the beginning of the settings' hash.
    """
    tables = []
    by_metric: dict[str, list[Curve]] = {}
    unfinished = []
    for curve in curves:
        if not curve.values:
            unfinished.append(curve_table(curve))
            continue
        by_metric.setdefault(curve.metric, []).append(curve)
    for metric, group in by_metric.items():
        budgets = sorted({budget for curve in group for budget in curve.budgets})
        labels = _labels(group)
        rows = [(f"{metric} in %, at", *(f"{100 * budget:.4g} %" for budget in budgets), "area", "seeds")]
        for (name, settings), label in labels.items():
            runs = [curve for curve in group if (curve.name, curve.config_sha256) == (name, settings)]
            cells = [
                _mean([c.values[c.budgets.index(budget)] for c in runs if budget in c.budgets], 2) for budget in budgets
            ]
            # Areas over different widths do not compare; an unfinished run has none to show.
            areas = [curve.area for curve in runs if curve.budgets == tuple(budgets) and len(budgets) > 1]
            rows.append((label, *cells, _mean(areas, 3), str(len(runs))))
        tables.append(_align(rows))
    return "\n\n".join([*tables, *unfinished])


def chosen_table(run: Run) -> str:
    """Return what a run chose, a line per image: cycle, order, score, position and name; the initial set first."""
    cycles: list[int | None] = [None, *(done.cycle for done in run.cycles if done.chosen)]
    rows = [("after", "order", "score", "index", "name")]
    for cycle in cycles:
        choice = read_choice(run, cycle)
        for order, (index, score, name) in enumerate(zip(*choice, strict=True) if choice else (), start=1):
            shown = "-" if score is None else f"{score:.4g}"
            where = ("start", "") if cycle is None else (f"cycle {cycle}", shown)
            plain = printable(name.replace("\n", "\ufffd"))
            rows.append((where[0], str(order), where[1], str(index), plain))
    wide = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{after:<{wide[0]}}  {order:>{wide[1]}}  {shown:>{wide[2]}}  {index:>{wide[3]}}  {name}"
        for after, order, shown, index, name in rows
    ]
    return "\n".join([f"{run.record.name}, seed {run.record.seed}", *lines])


def _labels(curves: Sequence[Curve]) -> dict[tuple[str, str], str]:
    """Tell runs of one name apart that had other settings: they are no seeds of each other."""
    keys = dict.fromkeys((curve.name, curve.config_sha256) for curve in curves)
    names = [name for name, _ in keys]
    return {(name, sha): name if names.count(name) == 1 else f"{name} ({sha[:6]})" for name, sha in keys}


def _mean(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    text = f"{fmean(values):.{digits}f}"
    return f"{text} +- {stdev(values):.{digits}f}" if len(values) > 1 else text
