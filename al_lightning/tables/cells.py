"""A table of the study with our numbers beside the published ones: what each cell says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from al_lightning.metrics import metric_of
from al_lightning.results.comparison import Comparison
from al_lightning.results.renderers import (
    MINUS,
    Grid,
    Sheet,
    comma_separated,
    mean_text,
    with_deviation,
    without_empty,
)
from al_lightning.results.statistics import compare
from al_lightning.tables.published import Column, Table
from al_lightning.tables.status import Standing, cycles_of

NOT_RUN = "not run"


@dataclass(frozen=True)
class Line:
    """A row of a column, with what can be said of it.

    Attributes:
        standing: its runs.
        comparison: with its baseline, in points of the metric averaged over the curve (of a single fit, at the column's
            budget); None where there is nothing to compare.
        baseline: the baseline's label, or "".
    """

    standing: Standing
    comparison: Comparison | None
    baseline: str


@dataclass(frozen=True)
class Block:
    """A column of a table, row by row."""

    column: Column
    lines: tuple[Line, ...]


def blocks(table: Table, standings: Sequence[Standing]) -> list[Block]:
    """Compare the rows of each column with their baselines, over the whole curve; corrected for a column's comparisons.

    A row of a single fit has no curve: it is compared at the column's budget, and corrected for apart.
    """
    found = []
    for column in table.columns:
        rows = [standing for standing in standings if standing.column.key == column.key]
        curves = {s.row.label: s.heights for s in rows if s.heights and not s.row.one_fit}
        points = {s.row.label: s.scores for s in rows if s.scores and not s.row.everything}
        compared: dict[str, Comparison] = {}
        higher = all(standing.series.metric.higher_is_better for standing in rows)
        for values, single in ((curves, False), (points, True)):
            pairs = [
                (standing.row.label, other.label)
                for standing in rows
                if standing.row.one_fit == single
                and (other := table.baseline(standing.row)) is not None
                and values.get(standing.row.label, {}).keys() & values.get(other.label, {}).keys()
            ]
            compared |= {one.method: one for one in compare(values, pairs, higher_is_better=higher)} if pairs else {}
        lines = []
        for standing in rows:
            base = table.baseline(standing.row)
            lines.append(Line(standing, compared.get(standing.row.label), base.label if base is not None else ""))
        found.append(Block(column, tuple(lines)))
    return found


def heads(block: Block) -> list[str]:
    """Return what the cells of a line are; where nothing was published, "ours" need not be said."""
    column, published = block.column, [line.standing.cell for line in block.lines]
    metric = f"{metric_of(column.metric).title} at {column.budget_text(column.at)}"
    area = "area" if column.area_scale == 1 else f"{column.area_scale:g} x area"
    first = [metric, f"{metric}, published"][any(cell.score is not None for cell in published)]
    then = [area, f"{area}, published"][any(cell.area is not None for cell in published)]
    both = [[first, "ours", "difference"] if "published" in first else ["", first, ""]]
    both.append([then, "ours", "difference"] if "published" in then else ["", then, ""])
    return [*both[0], *both[1], "seeds"]


def cells(line: Line) -> list[str]:
    """Return a line's cells as text."""
    standing, cell = line.standing, line.standing.cell
    scores, areas = list(standing.scores.values()), list(standing.areas.values())
    published = "" if cell.score is None else f"{cell.score:.2f}"
    area = "" if cell.area is None else with_deviation(cell.area, cell.area_std, 2)
    return [
        published,
        mean_text(scores, none="") or state_text(standing),
        difference_text(scores, cell.score, 2),
        area,
        mean_text(areas, 3, ""),
        difference_text(areas, cell.area, 2),
        f"{len(standing.complete)} of {len(standing.wanted)}" if standing.runs or standing.problems else "",
    ]


def state_text(standing: Standing) -> str:
    """Return why a row has no number: not run, or how far its first run is."""
    if standing.problems:
        return "unreadable"
    if not standing.runs:
        return NOT_RUN
    furthest = max(len(run.cycles) for run in standing.runs.values())
    return f"{furthest} of {cycles_of(standing.row, standing.column)} cycles"


def difference_text(values: Sequence[float], published: float | None, digits: int) -> str:
    """Return ours - published with its sign; "" where one of them is not there."""
    if not values or published is None:
        return ""
    return f"{fmean(values) - published:+.{digits}f}".replace("-", MINUS)


def verdicts(block: Block) -> list[str]:
    """Return a sentence for each comparison of a column."""
    metric = metric_of(block.column.metric).title
    place = f"{metric} at {block.column.budget_text(block.column.at)}"
    return [
        line.comparison.sentence(place if line.standing.row.one_fit else metric)
        for line in block.lines
        if line.comparison is not None
    ]


def grid(block: Block) -> Grid:
    """Return a column as a table."""
    rows = [cells(line) for line in block.lines]
    labels = [line.standing.row.label for line in block.lines]
    whole = [["", *heads(block)], *([label, *row] for label, row in zip(labels, rows, strict=True))]
    title = f"{block.column.title} ({block.column.figure})" if block.column.figure else block.column.title
    return Grid(title, without_empty(whole), tuple(verdicts(block)))


def sheet(table: Table, found: Sequence[Block], conditions: Sequence[str] = ()) -> Sheet:
    """Return what is to be shown of a table, in whatever form."""
    standings = [line.standing for block in found for line in block.lines]
    runs = {(s.cell.place, seed): seed in s.complete for s in standings for seed in {*s.wanted, *s.runs}}
    count = f"{sum(runs.values())} of {len(runs)} runs are finished."
    notes = tuple(f"Note: {note}" for note in table.notes)
    return Sheet(table.title, tuple(grid(block) for block in found), (count, *conditions), notes, table.marker)


CSV_HEADS = (
    "table", "column", "row", "run", "budget", "metric", "published", "ours", "deviation", "area_scale",
    "published_area", "published_area_deviation", "area", "area_deviation", "seeds", "wanted", "baseline", "points",
    "low", "high", "p", "smallest", "verdict",
)  # fmt: skip


def csv_text(table: Table, found: Sequence[Block]) -> str:
    """Return the table as CSV, a line a cell, numbers in full."""
    rows: list[Sequence[object]] = [CSV_HEADS]
    for block in found:
        column = block.column
        for line in block.lines:
            standing, cell = line.standing, line.standing.cell
            scores, areas = list(standing.scores.values()), list(standing.areas.values())
            compared = line.comparison
            words = ["", "", "", "", "", ""]
            if compared is not None:
                numbers = compared.mean, compared.low, compared.high, compared.p, compared.smallest
                words = [*(_number(number) for number in numbers), compared.verdict.value]
            first = [table.name, column.key, standing.row.label, cell.run, f"{column.at:.6g}", column.metric]
            score = [_number(cell.score), *_moments(scores), f"{column.area_scale:g}"]
            area = [_number(cell.area), _number(cell.area_std), *_moments(areas)]
            seeds = [len(standing.complete), len(standing.wanted), line.baseline]
            rows.append([*first, *score, *area, *seeds, *words])
    return comma_separated(rows)


def _moments(values: Sequence[float]) -> list[str]:
    return [_number(fmean(values) if values else None), _number(stdev(values) if len(values) > 1 else None)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
