"""A table of the paper with measured beside published numbers: the text of each cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from al_lightning.metrics import metric_of
from al_lightning.results.claims import claims_of, counted
from al_lightning.results.comparison import Comparison, sentences
from al_lightning.results.renderers import MINUS, Grid, Sheet, comma_separated, mean_text, with_deviation, without_empty
from al_lightning.results.series import by_setting, series_of_runs
from al_lightning.tables.published import Column, Table
from al_lightning.tables.status import CellStatus, cycles_of, finished_runs


@dataclass(frozen=True)
class Line:
    """A row of a column.

    Attributes:
        status: the row's runs in the column.
        comparison: with the baseline, by the labels of the rows, in points of the metric averaged over the curve (of a
            single fit, at its budget); None where there is nothing to compare.
        everything: our metric with all labels and the same network, in percent; None where the 100 % row is not run.
    """

    status: CellStatus
    comparison: Comparison | None
    everything: float | None = None


@dataclass(frozen=True)
class Block:
    """A column of a table, row by row."""

    column: Column
    lines: tuple[Line, ...]


def blocks(table: Table, statuses: Sequence[CellStatus]) -> list[Block]:
    """Compare the rows of each column with their baselines, as a report of the same runs does.

    Its comparisons (`claims_of`) are corrected together, over all columns. A row that the report compares with runs of
    another column has no comparison.
    """
    settings = by_setting(series_of_runs(finished_runs(statuses)))
    compared = claims_of(settings).by_setting
    series = {
        run.directory: (setting, method.label)
        for setting, methods in settings.items()
        for method in methods
        for run in method.runs
    }
    columns = []
    for column in table.columns:
        rows = [each for each in statuses if each.column.key == column.key]
        whole = {s.row.label: fmean(s.scores.values()) for s in rows if s.row.everything and s.scores}
        lines = (Line(row, of_row, _whole(table, row, whole)) for row, of_row in _compared(rows, series, compared))
        columns.append(Block(column, tuple(lines)))
    return columns


def _whole(table: Table, status: CellStatus, whole: Mapping[str, float]) -> float | None:
    """Return the metric of the 100 % row with a row's network, where higher values are better."""
    reference = table.reference(status.row)
    return whole.get(reference.label) if reference is not None and status.series.metric.higher_is_better else None


def _compared(
    statuses: Sequence[CellStatus],
    series: Mapping[Path, tuple[str, str]],
    compared: Mapping[str, Sequence[Comparison]],
) -> Iterator[tuple[CellStatus, Comparison | None]]:
    """Yield the rows of a column with their comparisons; `series` has the setting and method of a run directory."""
    # Runs of one row with different settings are several methods; the row then stands for that with the most seeds.
    own = [Counter(series[run.directory] for run in s.complete.values() if run.directory in series) for s in statuses]
    keys = [counts.most_common(1)[0][0] if counts else None for counts in own]
    labels = {key: status.row.label for key, status in zip(keys, statuses, strict=True) if key is not None}
    for key, status in zip(keys, statuses, strict=True):
        setting, method = key or ("", "")
        found = (
            replace(each, method=status.row.label, baseline=labels[setting, each.baseline])
            for each in compared.get(setting, ())
            if each.method == method and each.by_seed and (setting, each.baseline) in labels
        )
        yield status, next(found, None)


def heads(block: Block) -> list[str]:
    """Return the heads of the cells of lines with one budget; without published numbers, "ours" is left out."""
    column, published = block.column, [line.status.cell for line in block.lines]
    area = "area" if column.area_scale == 1 else f"{column.area_scale:g} x area"
    budget = column.budget_text(read_at(block.lines[0].status))
    groups = (
        (f"{metric_of(column.metric).title} at {budget}", [cell.score for cell in published]),
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


def verdicts(block: Block, brief: bool = False) -> list[str]:
    """Return the sentences on the comparisons of a column (`comparison.sentences`)."""
    metric = metric_of(block.column.metric).title
    return sentences([line.comparison for line in block.lines if line.comparison is not None], metric, brief)


def read_at(status: CellStatus) -> float:
    """Return the budget at which a row's metric is read, a fraction of the pool: the column's, or 1 of all labels."""
    return 1.0 if status.row.everything else status.column.at


def grids(block: Block) -> list[Grid]:
    """Return a column as a table; rows with all labels stand in a table of their own, under that budget."""
    title = f"{block.column.title} ({block.column.figure})" if block.column.figure else block.column.title
    tables = []
    for everything, named in ((False, title), (True, f"{title}, all labels")):
        part = Block(block.column, tuple(line for line in block.lines if line.status.row.everything is everything))
        if part.lines:
            rows = [["", *heads(part)], *([line.status.row.label, *cells(line)] for line in part.lines)]
            tables.append(Grid(named, without_empty(rows), tuple(verdicts(part))))
    return tables


def sheet(table: Table, columns: Sequence[Block], conditions: Sequence[str] = ()) -> Sheet:
    """Return a table as it is shown in each form."""
    statuses = [line.status for block in columns for line in block.lines]
    runs = {(s.cell.place, seed): seed in s.complete for s in statuses for seed in {*s.wanted, *s.runs}}
    count = f"{sum(runs.values())} of {len(runs)} runs are finished."
    tested = counted(line.comparison for block in columns for line in block.lines if line.comparison is not None)
    said = (count, *([tested] if tested else []), *conditions)
    notes = tuple(f"Note: {note}" for note in table.notes)
    shown = tuple(each for block in columns for each in grids(block))
    return Sheet(table.title, shown, said, notes, table.marker)


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
            first = [table.name, column.key, status.row.label, cell.run, f"{read_at(status):.6g}", column.metric]
            score = [_number(cell.score), *_moments(scores), f"{column.area_scale:g}"]
            area = [_number(cell.area), _number(cell.area_std), *_moments(areas)]
            seeds = [len(status.complete), len(status.wanted), compared.baseline if compared else ""]
            rows.append([*first, *score, *area, *seeds, *words])
    return comma_separated(rows)


def _moments(values: Sequence[float]) -> list[str]:
    return [_number(fmean(values) if values else None), _number(stdev(values) if len(values) > 1 else None)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
