"""Runs side by side without a table of the study: curves, verdicts, label costs, classes, penalties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from al_lightning.metrics import metric_of
from al_lightning.results.comparison import Comparison, rule
from al_lightning.results.renderers import Grid, Sheet, comma_separated, mean_text, without_empty
from al_lightning.results.series import (
    Series,
    base_of,
    budgets_of,
    by_setting,
    class_differences,
    mean_heights,
    pairs_with_base,
    savings,
    values_at,
)
from al_lightning.results.statistics import compare_settings, penalty_matrix

HEADS = ("run", "method", "dataset", "seed", "labelled", "metric", "budget", "pool_size")


def summary(series: Sequence[Series], conditions: Sequence[str] = (), title: str = "Runs compared") -> Sheet:
    """Return what can be said of some runs.

    Args:
        series: of one or more settings.
        conditions: how honest the comparison is, in sentences.
        title: above all.
    """
    settings = by_setting(series)
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
    pairs = [pair for setting, methods in settings.items() for pair in pairs_with_base(methods, values[setting])]
    return compare_settings(values, list(dict.fromkeys(pairs))) if pairs else {}


def csv_text(series: Sequence[Series]) -> str:
    """Return all points of all curves as CSV, a line each, in percent; `series.read_csv` reads it back."""
    rows: list[Sequence[object]] = [HEADS if all(one.fractions for one in series) else HEADS[:6]]
    for one in (one for methods in by_setting(series).values() for one in methods):
        sizes = {run.record.seed: run.record.pool_size for run in one.runs}
        for curve in one.curves:
            name = f"{curve.name}/seed_{curve.seed}" if one.runs else one.name
            for budget, labelled, value in zip(curve.budgets, curve.labelled, curve.values, strict=True):
                more = [f"{budget:.10g}", sizes.get(curve.seed, "")] if one.fractions else []
                rows.append([name, one.label, one.setting, curve.seed, labelled, f"{value:.6g}", *more])
    return comma_separated(rows)


def _curves(setting: str, methods: Sequence[Series], compared: Sequence[Comparison]) -> Grid:
    labels = sorted({count for one in methods for curve in one.curves for count in curve.labelled})
    metric = metric_of(methods[0].metric).title
    fractions = all(one.fractions for one in methods)
    heights = mean_heights(methods)
    rows = [["labels", *map(str, labels), "area" if fractions else "", "mean height", "seeds"]]
    for one in methods:
        whole = heights.get(one.label, {})
        areas = [area for seed, area in one.areas().items() if seed in whole] if fractions and one.loops else []
        points = [mean_text(one.at_labelled(count).values(), none="") for count in labels]
        height = mean_text(whole.values(), none="")
        rows.append([one.label, *points, mean_text(areas, 3, ""), height, str(len(one.curves))])
    said = tuple(comparison.sentence(metric) for comparison in compared)
    return Grid(f"{setting}: {metric} in %, mean ± standard deviation over seeds", without_empty(rows), said)


def costs(methods: Sequence[Series]) -> Grid | None:
    """Return how many labels each method needs to be as good as its baseline is in the end."""
    rows = [["", "target in %", "labels", "saved", "against"]]
    for one in methods:
        base = base_of(one, methods)
        if base is None or not one.loops or not (ends := [c.values[-1] for c in base.curves if c.values]):
            continue
        target = fmean(ends)
        needed = "; ".join(map(str, one.label_costs(target).values()))
        saved = "; ".join(map(str, savings(one, base, target).values()))
        rows.append([one.label, f"{target:.2f}", needed, saved, base.label])
    return Grid("Labels, seed by seed, to be as good as the baseline is in the end", rows) if len(rows) > 1 else None


def classes(methods: Sequence[Series], names: Sequence[str] = ()) -> Grid | None:
    """Return each class's difference to the baseline at the last budget, in points; None where no class has a metric.

    Args:
        methods: of one setting.
        names: of the classes; their numbers by default.
    """
    columns = []
    for one in methods:
        base = base_of(one, methods)
        if base is None or not one.fractions or not (common := set(one.budgets) & set(base.budgets)):
            continue
        found = class_differences(one, base, max(common))
        if any(found):
            columns.append((one.label, [mean_text(by_seed.values(), 1, "") for by_seed in found]))
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
    methods = list(dict.fromkeys(one.label for group in settings.values() for one in group if one.loops))
    values = [
        {budget: values_at(group, budget) for budget in budgets_of(one for one in group if one.loops)}
        for group in settings.values()
        if all(one.fractions for one in group)
    ]
    if len(methods) < 2 or not values:
        return None
    matrix = penalty_matrix(values, methods)
    rows = [["row ahead of column", *methods]]
    rows += [[name, *(f"{value:.2f}" for value in line)] for name, line in zip(methods, matrix, strict=True)]
    rows.append(["mean (lower is better)", *(f"{value:.2f}" for value in matrix.mean(axis=0))])
    return Grid(f"Pairwise penalties (Ash et al. 2020), of {len(values)} settings", rows)
