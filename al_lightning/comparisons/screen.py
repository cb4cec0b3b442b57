"""What a comparison shows while it runs: means and intervals, and no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from al_lightning.comparisons.plan import half_width
from al_lightning.results.series import Series

if TYPE_CHECKING:
    from rich.console import RenderableType


def means_table(methods: Sequence[Series], title: str, width: int) -> RenderableType:
    """Return the table of the finished seeds: mean and half-width of its 95 % interval, by strategy and labels.

    Args:
        methods: with the finished seeds.
        title: a line above the table.
        width: columns of the terminal; budgets in the middle are left out where there is no room.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    labels = sorted({count for method in methods for curve in method.curves for count in curve.labelled})
    metric = methods[0].metric if methods else None
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{metric.title}{metric.suffix}" if metric else "")
    shown = _fitting(labels, max(2, (width - 24) // 13))
    for count in shown:
        table.add_column(f"{count:,} labels", justify="right", no_wrap=True)
    for method in methods:
        cells = []
        for count in shown:
            values = list(method.at_labelled(count).values())
            half = half_width(values)
            cells.append(f"{fmean(values):.1f}{f' ± {half:.1f}' if len(values) > 1 else ''}" if values else "")
        table.add_row(method.label.removesuffix("_probe"), *cells)
    return Group(Text(title), table)  # a table's own title is broken at the table's width


def _fitting(labels: Sequence[int], most: int) -> list[int]:
    """Return at most so many of the labels: the first, the last, and some evenly between them."""
    if len(labels) <= most:
        return list(labels)
    return [labels[round(place * (len(labels) - 1) / (most - 1))] for place in range(most)]


def as_text(table: RenderableType, width: int) -> str:
    """Return a table as plain text."""
    from rich.console import Console

    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
