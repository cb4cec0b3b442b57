"""Runs side by side without a table of the study: curves, verdicts, label costs, classes, penalties. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from statistics import fmean

from al_lightning.results.comparison import Comparison, rule
from al_lightning.results.curves import Curve
from al_lightning.results.label_cost import label_cost
from al_lightning.results.renderers import Grid, Sheet, without_empty
from al_lightning.results.series import (
    Series,
    against,
    class_differences,
    mean_heights,
    savings,
    values_at,
)
from al_lightning.results.statistics import compare_settings, penalty_matrix
from al_lightning.tables.cells import METRICS, mean_text

HEADS = ("run", "method", "dataset", "seed", "labelled", "metric", "budget", "pool_size")


def summary(series: Sequence[Series], conditions: Sequence[str] = (), title: str = "Runs compared") -> Sheet:
    """Return what can be said of some runs.

    Args:
        series: of one or more settings.
        conditions: how honest the comparison is, in sentences.
        title: above all.
    """
    settings: dict[str, list[Series]] = {}
    for one in series:
        settings.setdefault(one.setting, []).append(one)
    compared = verdicts(settings)
    grids: list[Grid] = []
    for setting, methods in settings.items():
        grids.append(_curves(setting, methods, compared.get(setting, [])))
        grids += [grid for grid in (costs(methods), classes(methods)) if grid is not None]
    if len(settings) > 1 and (charged := penalties(settings)) is not None:
        grids.append(charged)
    return Sheet(title, tuple(grids), tuple(conditions), (rule(),))


def verdicts(settings: Mapping[str, Sequence[Series]]) -> dict[str, list[Comparison]]:
    """Compare each method with the baseline of its training, over the whole curve, corrected over all settings."""
    values = {setting: mean_heights(methods) for setting, methods in settings.items()}
    pairs = list(
        dict.fromkeys(
            (method, base)
            for found in values.values()
            for method in found
            if (base := against(method, found)) is not None
        )
    )
    return compare_settings(values, pairs) if pairs else {}


def csv_text(series: Sequence[Series]) -> str:
    """Return all points of all curves as CSV, a line each, in percent; `series.read_csv` reads it back."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS if all(one.fractions for one in series) else HEADS[:6])
    for one in series:
        for seed, curve in one.curves.items():
            size = str(one.runs[seed].record.pool_size) if seed in one.runs else ""
            name = f"{curve.name}/seed_{seed}" if one.runs else one.name
            for budget, labelled, value in zip(curve.budgets, curve.labelled, curve.values, strict=True):
                more = [f"{budget:.10g}", size] if one.fractions else []
                writer.writerow([name, one.method, one.setting, seed, labelled, f"{value:.6g}", *more])
    return out.getvalue()


def _curves(setting: str, methods: Sequence[Series], compared: Sequence[Comparison]) -> Grid:
    labels = sorted({count for one in methods for curve in one.curves.values() for count in curve.labelled})
    metric = METRICS.get(methods[0].metric, methods[0].metric)
    fractions = all(one.fractions for one in methods)
    heights = mean_heights(methods)
    rows = [["labels", *map(str, labels), "area" if fractions else "", "mean height", "seeds"]]
    for one in methods:
        whole = heights.get(one.method, {})
        areas = [area for seed, area in one.areas().items() if seed in whole] if fractions and _loops(one) else []
        points = [mean_text(list(one.at_labelled(count).values()), 2) for count in labels]
        rows.append(
            [one.method, *points, mean_text(areas, 3), mean_text(list(whole.values()), 2), str(len(one.curves))]
        )
    said = tuple(comparison.sentence(metric) for comparison in compared)
    return Grid(f"{setting}: {metric} in %, mean ± standard deviation over seeds", without_empty(rows), said)


def _loops(series: Series) -> bool:
    return any(len(curve.budgets) > 1 for curve in series.curves.values())


def costs(methods: Sequence[Series]) -> Grid | None:
    """Return how many labels each method needs to be as good as its baseline is in the end."""
    names = [one.method for one in methods]
    rows = [["", "target in %", "labels", "saved", "against"]]
    for one in methods:
        base = next((other for other in methods if other.method == against(one.method, names)), None)
        if base is None or not _loops(one) or not (ends := [c.values[-1] for c in base.curves.values() if c.values]):
            continue
        target = fmean(ends)
        costs = [str(label_cost(c.labelled, c.values, target)) for c in _sorted(one)]
        saved = [str(saving) for saving in savings(one, base, target).values()]
        rows.append([one.method, f"{target:.2f}", "; ".join(costs), "; ".join(saved), base.method])
    return Grid("Labels, seed by seed, to be as good as the baseline is in the end", rows) if len(rows) > 1 else None


def _sorted(series: Series) -> list[Curve]:
    return [series.curves[seed] for seed in sorted(series.curves) if series.curves[seed].values]


def classes(methods: Sequence[Series], names: Sequence[str] = ()) -> Grid | None:
    """Return each class's difference to the baseline at the last budget, in points; None where no class has a metric.

    Args:
        methods: of one setting.
        names: of the classes; their numbers by default.
    """
    known, columns = [one.method for one in methods], []
    for one in methods:
        base = next((other for other in methods if other.method == against(one.method, known)), None)
        if base is None or not one.fractions or not (common := set(one.budgets) & set(base.budgets)):
            continue
        found = class_differences(one, base, max(common))
        if any(found):
            columns.append((one.method, [mean_text(list(by_seed.values()), 1) for by_seed in found]))
    if not columns:
        return None
    count = max(len(cells) for _, cells in columns)
    rows = [["class", *(name for name, _ in columns)]]
    for number in range(count):
        name = names[number] if number < len(names) else str(number)
        rows.append([name, *(cells[number] if number < len(cells) else "" for _, cells in columns)])
    return Grid("Class by class: points ahead of the baseline at the last common budget", rows)


def penalties(settings: Mapping[str, Sequence[Series]]) -> Grid | None:
    """Return how often each method was shown to be ahead of each other, over settings and budgets."""
    methods = list(dict.fromkeys(one.method for group in settings.values() for one in group if _loops(one)))
    by_setting = [
        {
            budget: values_at(group, budget)
            for budget in sorted({b for one in group if _loops(one) for b in one.budgets})
        }
        for group in settings.values()
        if all(one.fractions for one in group)
    ]
    if len(methods) < 2 or not by_setting:
        return None
    matrix = penalty_matrix(by_setting, methods)
    rows = [["row ahead of column", *methods]]
    rows += [[name, *(f"{value:.2f}" for value in line)] for name, line in zip(methods, matrix, strict=True)]
    rows.append(["mean (lower is better)", *(f"{value:.2f}" for value in matrix.mean(axis=0))])
    return Grid(f"Pairwise penalties (Ash et al. 2020), of {len(by_setting)} settings", rows)
