"""Runs side by side without a table of the paper: curves, verdicts, label costs, classes, penalties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from al_lightning.results.baselines import base_of
from al_lightning.results.claims import claims_of
from al_lightning.results.comparison import RULE, Comparison, sentences
from al_lightning.results.label_value import label_costs, savings
from al_lightning.results.renderers import Grid, Sheet, comma_separated, mean_text, without_empty
from al_lightning.results.series import Series, budgets_of, by_setting, mean_heights
from al_lightning.results.series_text import budget_text, spread
from al_lightning.results.statistics import penalty_matrix

__all__ = ["csv_text", "summary"]

HEADS = ("run", "method", "dataset", "seed", "labelled", "metric", "budget", "pool_size")
BETTER = "better"
"""Further column of a CSV file in which a lower metric is better somewhere: `lower` or `higher`."""
PENALTIES = (
    "A description, no claim: it counts, budget by budget, t tests that are corrected for the pairs of one budget "
    "alone; what is claimed stands in the verdicts"
)
"""What a penalty matrix is, for a reader."""


def summary(series: Sequence[Series], conditions: Sequence[str] = (), title: str = "Runs compared") -> Sheet:
    """Return the tables and verdicts on some runs.

    Args:
        series: of one or more settings.
        conditions: whether the comparison is fair, in sentences.
        title: above all.
    """
    settings = by_setting(series)
    claims = claims_of(settings)
    grids: list[Grid] = []
    for setting, methods in settings.items():
        grids += [_curves(setting, methods, claims.by_setting[setting]), *costs_and_classes(methods)]
    return Sheet(title, (*grids, *penalties(settings)), tuple(conditions), (f"{RULE} {claims.counted}".rstrip(),))


def csv_text(series: Sequence[Series]) -> str:
    """Return all points of all curves as CSV, a line each, in the metric's unit; `read_csv` reads it back."""
    fractions = all(each.fractions for each in series)
    better = [BETTER] * any(not each.metric.higher_is_better for each in series)
    rows: list[Sequence[object]] = [[*(HEADS if fractions else HEADS[:6]), *better]]
    for each in (method for methods in by_setting(series).values() for method in methods):
        sizes = {run.record.seed: run.record.pool_size for run in each.runs}
        for curve in each.curves:
            name = f"{curve.name}/seed_{curve.seed}" if each.runs else each.name
            direction = ["higher" if each.metric.higher_is_better else "lower"] * len(better)
            for budget, labelled, value in zip(curve.budgets, curve.labelled, curve.values, strict=True):
                more = [f"{budget:.10g}", sizes.get(curve.seed, "")] * fractions
                point = [curve.seed, labelled, f"{value:.6g}"]
                rows.append([name, each.label, each.setting, *point, *more, *direction])
    return comma_separated(rows)


def _curves(setting: str, methods: Sequence[Series], compared: Sequence[Comparison]) -> Grid:
    labels = sorted({count for method in methods for curve in method.curves for count in curve.labelled})
    metric = methods[0].metric
    fractions = all(method.fractions for method in methods)
    heights = mean_heights(methods)
    rows = [["labels", *map(str, labels), "area" if fractions else "", "mean height", "seeds"]]
    for method in methods:
        whole = heights.get(method.label, {})
        areas = [area for seed, area in method.areas().items() if seed in whole] if fractions and method.loops else []
        points = [mean_text(method.at_labelled(count).values(), none="") for count in labels]
        height = mean_text(whole.values(), none="")
        rows.append([method.label, *points, mean_text(areas, 3, ""), height, str(len(method.curves))])
    title = f"{setting}: {metric.title}{metric.suffix}, {spread(methods)}"
    return Grid(title, without_empty(rows), tuple(sentences(compared, metric.title)))


def costs_and_classes(methods: Sequence[Series], class_names: Sequence[str] = ()) -> list[Grid]:
    """Return the label costs, and the metric class by class, of the methods of a setting, where there are any.

    Without `class_names` the classes have the names of the first run, and numbers where it has none.
    """
    grids = (_costs(methods), _classes(methods, class_names)) if methods else ()
    return [grid for grid in grids if len(grid.rows) > 1]


def _costs(methods: Sequence[Series]) -> Grid:
    rows = [["", f"target{methods[0].metric.suffix}", "labels", "saved", "against"]]
    for method in methods:
        base = base_of(method, methods)
        if base is None or not method.loops or not (ends := [c.values[-1] for c in base.curves if c.values]):
            continue
        target = fmean(ends)
        needed = _each_once(map(str, label_costs(method, target).values()))
        saved = _each_once(savings(method, base, target).values())
        rows.append([method.label, f"{target:.2f}", needed, saved, base.label])
    return Grid("Labels, seed by seed, to be as good as the baseline is in the end", rows)


def _each_once(texts: Iterable[str]) -> str:
    """Return the texts of a method's seeds, each once, with the number of seeds that have it."""
    return "; ".join(f"{text} ({count} seeds)" if count > 1 else text for text, count in Counter(texts).items())


def _classes(methods: Sequence[Series], class_names: Sequence[str]) -> Grid:
    loops = [method for method in methods if method.loops]
    last = max((budget for method in loops for budget in method.budgets), default=None)
    columns = {m.label: by_seed for m in loops if last is not None and (by_seed := m.classes(last))}
    names = class_names or next((run.record.classes for run in methods[0].runs), ())  # a CSV file has no runs
    rows = [["class", *columns]]
    for number in range(max((len(values) for by_seed in columns.values() for values in by_seed.values()), default=0)):
        of_class = [[v[number] for v in by_seed.values() if number < len(v)] for by_seed in columns.values()]
        cells = [mean_text([value for value in values if value is not None], 1, "") for values in of_class]
        rows.append([names[number] if number < len(names) else str(number), *cells])
    metric = next((m.class_metric for m in loops if m.label in columns), None)
    at = "" if metric is None else f": {metric.title}{metric.suffix} at {budget_text(loops, last or 0)}"
    return Grid(f"Class by class{at}, {spread(loops)}", [row for row in rows if any(row[1:])])


def penalties(settings: Mapping[str, Sequence[Series]]) -> list[Grid]:
    """Return how often each method is ahead of each other, over budgets and settings, where there are several.

    Methods whose network has dropout have a table of their own: they compare with each other alone.
    """
    grids = []
    for dropout, of in ((False, ""), (True, ", networks with dropout")):
        groups = [[each for each in group if each.dropout == dropout] for group in settings.values()]
        grids += _penalties([group for group in groups if group], of)
    return grids


def _penalties(groups: Sequence[Sequence[Series]], of: str) -> list[Grid]:
    methods = list(dict.fromkeys(each.label for group in groups for each in group if each.loops))
    values = [
        {budget: _oriented(group, budget) for budget in budgets_of(each for each in group if each.loops)}
        for group in groups
        if all(each.fractions for each in group)
    ]
    if len(groups) < 2 or len(methods) < 2 or not values:
        return []
    matrix = penalty_matrix(values, methods)
    if not matrix.any():  # nobody is ahead of anybody
        return []
    rows = [["row ahead of column", *methods]]
    rows += [[name, *(f"{value:.2f}" for value in line)] for name, line in zip(methods, matrix, strict=True)]
    rows.append(["mean (lower is better)", *(f"{value:.2f}" for value in matrix.mean(axis=0))])
    return [Grid(f"Pairwise penalties (Ash et al. 2020), of {len(values)} settings{of}", rows, (PENALTIES,))]


def _oriented(methods: Sequence[Series], budget: float) -> dict[str, dict[int, float]]:
    """Return the metric at a budget by method and seed, negated where lower is better."""
    values = {each.label: {s: each.metric.sign * v for s, v in each.at(budget).items()} for each in methods}
    return {label: by_seed for label, by_seed in values.items() if by_seed}
