"""Tables with their notes as text, markdown, LaTeX and CSV; numbers as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

__all__ = ["Grid", "Sheet", "latex", "markdown", "text"]

MINUS = "−"
TEX = str.maketrans({
    "\\": r"\textbackslash{}", "%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", MINUS: "$-$", "–": "--",
})  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        title: above the table.
        rows: cells as text, the heads first; the first cell of a row is its label.
        remarks: sentences about the table, without full stops.
    """

    title: str
    rows: Sequence[Sequence[str]]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """Tables that belong together.

    Attributes:
        title: above all.
        grids: in order.
        conditions: whether the comparison is fair, in sentences.
        notes: footnotes.
        marker: why these numbers are no evidence; "" where they may be.
    """

    title: str
    grids: tuple[Grid, ...]
    conditions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    marker: str = ""


def text(sheet: Sheet) -> str:
    """Return a sheet for a terminal."""
    parts = [sheet.title, sheet.marker]
    for grid in sheet.grids:
        remarks = [f"  {sentence}" for sentence in grid.remarks]
        parts.append("\n".join(part for part in (grid.title, aligned(grid.rows), *remarks) if part))
    parts += ["\n".join(sheet.conditions), "\n".join(sheet.notes)]
    return "\n\n".join(part for part in parts if part)


def markdown(sheet: Sheet) -> str:
    """Return a sheet in GitHub's markdown."""
    parts = [f"## {sheet.title}", f"> {sheet.marker}" if sheet.marker else ""]
    for grid in sheet.grids:
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in grid.rows]
        rule = "| --- |" + " ---: |" * (len(grid.rows[0]) - 1)
        parts += [
            f"### {grid.title}" if grid.title else "",
            "\n".join([lines[0], rule, *lines[1:]]),
            _items(grid.remarks),
        ]
    parts += [_items(sheet.conditions), _items(sheet.notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex(sheet: Sheet) -> str:
    """Return a sheet in LaTeX, for the package booktabs; the remarks on the tables stand in comments."""
    parts = [_comments([sheet.title, sheet.marker])]
    for grid in sheet.grids:
        lines = [" & ".join(tex(cell) for cell in row) + r" \\" for row in grid.rows]
        caption = ". ".join(part.rstrip(".") for part in (sheet.title, grid.title, sheet.marker) if part) + "."
        parts.append(
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{tex(caption)}}}\n\\begin{{tabular}}{{l{'r' * (len(grid.rows[0]) - 1)}}}\n"
            + "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
            + "\n\\end{tabular}\n\\end{table}"
        )
        parts.append(_comments(grid.remarks))
    parts += [_comments(sheet.conditions), _comments(sheet.notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


FORMS = {"text": text, "markdown": markdown, "latex": latex}


def without_empty(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Leave out the columns that are empty below their heads."""
    columns = [column for number, column in enumerate(zip(*rows, strict=True)) if number == 0 or any(column[1:])]
    return [list(row) for row in zip(*columns, strict=True)]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def comma_separated(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def mean_text(values: Collection[float], digits: int = 2, none: str = "–") -> str:
    """Return mean ± standard deviation; of one value the value alone, of no values `none`."""
    if not values:
        return none
    return with_deviation(fmean(values), stdev(values) if len(values) > 1 else None, digits)


def with_deviation(value: float, deviation: float | None, digits: int) -> str:
    """Return a number, with its deviation unless that is None."""
    text = number(value, digits)
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"


def number(value: float, digits: int) -> str:
    """Return a number as text, without the sign of a zero."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def all_of(items: Iterable[object]) -> str:
    """Return items as a list in words: a, b and c."""
    texts = [str(item) for item in items]
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else "".join(texts)


def tex(words: str) -> str:
    """Return text as LaTeX."""
    return words.translate(TEX)


def _items(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _comments(sentences: Sequence[str]) -> str:
    return "\n".join(f"% {sentence}" for sentence in sentences if sentence)
