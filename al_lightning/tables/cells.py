"""A table of the study with measured beside published numbers: the text of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from al_lightning.metrics import metric_of
from al_lightning.results.comparison import Comparison
from al_lightning.results.renderers import MINUS, Grid, Sheet, comma_separated, mean_text, with_deviation, without_empty
from al_lightning.results.statistics import compare
from al_lightning.tables.published import Column, Table
from al_lightning.tables.status import CellStatus, cycles_of


@dataclass(frozen=True)
class Line:
    """A row of a column.

    Attributes:
        status: the row's runs in the column.
        comparison: with the baseline, in points of the metric averaged over the curve (of a single fit, at the column's
            budget); None where there is nothing to compare.
        baseline: the baseline's label, or "".
        everything: our metric with all labels and the same network, in percent; None where the 100 % row is not run.
    """

    status: CellStatus
    comparison: Comparison | None
    baseline: str
    everything: float | None = None


@dataclass(frozen=True)
class Block:
    """A column of a table, row by row."""

    column: Column
    lines: tuple[Line, ...]


def blocks(table: Table, statuses: Sequence[CellStatus]) -> list[Block]:
    """Compare the rows of each column with their baselines, over the whole curve; corrected for a column's comparisons.

    Rows whose network has dropout are compared with such rows alone (`Table.baseline`). A row of a single fit has no
    curve: it is compared at the column's budget, with a correction of its own.
    """
    compared_columns = []
    for column in table.columns:
        rows = [status for status in statuses if status.column.key == column.key]
        bases = {s.row.label: base.label for s in rows if (base := table.baseline(s.row)) is not None}
        curves = {s.row.label: s.heights for s in rows if s.heights and not s.row.one_fit}
        points = {s.row.label: s.scores for s in rows if s.scores and not s.row.everything}
        compared: dict[str, Comparison] = {}
        higher = all(status.series.metric.higher_is_better for status in rows)
        for values, labels in ((curves, curves.keys()), (points, points.keys() - curves.keys())):
            pairs = [
                (label, base)
                for label, base in bases.items()
                if label in labels and values[label].keys() & values.get(base, {}).keys()
            ]
            compared |= {each.method: each for each in compare(values, pairs, higher_is_better=higher)}
        full = {s.row.label: fmean(s.scores.values()) for s in rows if s.row.everything and s.scores}
        references = {s.row.label: table.reference(s.row) for s in rows}
        lines = [
            Line(
                s,
                compared.get(s.row.label),
                bases.get(s.row.label, ""),
                full.get(whole.label) if higher and (whole := references[s.row.label]) is not None else None,
            )
            for s in rows
        ]
        compared_columns.append(Block(column, tuple(lines)))
    return compared_columns


def heads(block: Block) -> list[str]:
    """Return the heads of a line's cells; without published numbers, "ours" is left out."""
    column, published = block.column, [line.status.cell for line in block.lines]
    area = "area" if column.area_scale == 1 else f"{column.area_scale:g} x area"
    groups = (
        (f"{metric_of(column.metric).title} at {column.budget_text(column.at)}", [cell.score for cell in published]),
        (area, [cell.area for cell in published]),
    )
    shown = []
    for head, values in groups:
        known = any(value is not None for value in values)
        shown += [f"{head}, published", "ours", "difference"] if known else ["", head, ""]
    return [*shown[:3], "of 100 %", *shown[3:], "seeds"]


def cells(line: Line) -> list[str]:
    """Return a line's cells as text."""
    status, cell = line.status, line.status.cell
    scores, areas = list(status.scores.values()), list(status.areas.values())
    published = "" if cell.score is None else f"{cell.score:.2f}"
    area = "" if cell.area is None else with_deviation(cell.area, cell.area_std, 2)
    return [
        published,
        mean_text(scores, none="") or state_text(status),
        difference_text(scores, cell.score),
        f"{100 * fmean(scores) / line.everything:.1f} %" if scores and line.everything else "",
        area,
        mean_text(areas, 3, ""),
        difference_text(areas, cell.area),
        f"{len(status.complete)} of {len(status.wanted)}" if status.runs or status.problems else "",
    ]


def state_text(status: CellStatus) -> str:
    """Return why a row has no number: not run, or how far its first run is."""
    if status.problems:
        return "unreadable"
    if not status.runs:
        return "not run"
    furthest = max(len(run.cycles) for run in status.runs.values())
    return f"{furthest} of {cycles_of(status.row, status.column)} cycles"


def difference_text(values: Sequence[float], published: float | None) -> str:
    """Return ours - published with its sign; "" where one of them is missing."""
    if not values or published is None:
        return ""
    return f"{fmean(values) - published:+.2f}".replace("-", MINUS)


def verdicts(block: Block) -> list[str]:
    """Return a sentence for each comparison of a column."""
    metric = metric_of(block.column.metric).title
    place = f"{metric} at {block.column.budget_text(block.column.at)}"
    return [
        line.comparison.sentence(place if line.status.row.one_fit else metric)
        for line in block.lines
        if line.comparison is not None
    ]


def grid(block: Block) -> Grid:
    """Return a column as a table."""
    rows = [["", *heads(block)], *([line.status.row.label, *cells(line)] for line in block.lines)]
    title = f"{block.column.title} ({block.column.figure})" if block.column.figure else block.column.title
    return Grid(title, without_empty(rows), tuple(verdicts(block)))


def sheet(table: Table, columns: Sequence[Block], conditions: Sequence[str] = ()) -> Sheet:
    """Return a table as it is shown in each form."""
    statuses = [line.status for block in columns for line in block.lines]
    runs = {(s.cell.place, seed): seed in s.complete for s in statuses for seed in {*s.wanted, *s.runs}}
    count = f"{sum(runs.values())} of {len(runs)} runs are finished."
    notes = tuple(f"Note: {note}" for note in table.notes)
    return Sheet(table.title, tuple(grid(block) for block in columns), (count, *conditions), notes, table.marker)


CSV_HEADS = (
    "table", "column", "row", "run", "budget", "metric", "published", "ours", "deviation", "area_scale",
    "published_area", "published_area_deviation", "area", "area_deviation", "seeds", "wanted", "baseline", "points",
    "low", "high", "p", "smallest", "verdict",
)  # fmt: skip


def csv_text(table: Table, columns: Sequence[Block]) -> str:
    """Return the table as CSV, a line for each cell, with unrounded numbers."""
    rows: list[Sequence[object]] = [CSV_HEADS]
    for block in columns:
        column = block.column
        for line in block.lines:
            status, cell = line.status, line.status.cell
            scores, areas = list(status.scores.values()), list(status.areas.values())
            compared = line.comparison
            words = ["", "", "", "", "", ""]
            if compared is not None:
                numbers = compared.mean, compared.low, compared.high, compared.p, compared.smallest
                words = [*(_number(number) for number in numbers), compared.verdict.value]
            first = [table.name, column.key, status.row.label, cell.run, f"{column.at:.6g}", column.metric]
            score = [_number(cell.score), *_moments(scores), f"{column.area_scale:g}"]
            area = [_number(cell.area), _number(cell.area_std), *_moments(areas)]
            seeds = [len(status.complete), len(status.wanted), line.baseline]
            rows.append([*first, *score, *area, *seeds, *words])
    return comma_separated(rows)


def _moments(values: Sequence[float]) -> list[str]:
    return [_number(fmean(values) if values else None), _number(stdev(values) if len(values) > 1 else None)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
