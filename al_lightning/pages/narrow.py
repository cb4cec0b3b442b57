"""Wide tables as several narrow ones, so that no column lies beyond the edge of a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

ROOM = 112
"""Letters that stand beside each other in a section of a page at its full width, the gaps of the columns included."""
GAP = 1.5
LONG = 26
"""Letters of a cell from which on its text breaks into lines."""
_SWATCH = 5
"""Letters that a method's line beside its name takes."""


def narrow(rows: Sequence[Sequence[Any]]) -> list[list[list[Any]]]:
    """Return a table as tables that fit on a page: each has the first column, and some of the others in order.

    Args:
        rows: cells, the heads first; of a cell that is a pair, both texts are shown.
    """
    columns = list(zip(*rows, strict=True))
    parts: list[list[Sequence[Any]]] = [[columns[0]]]
    first: float = ROOM - _width(columns[0]) - _SWATCH
    room = first
    for column in columns[1:]:
        width = GAP + _width(column)
        if width > room and len(parts[-1]) > 1:
            parts.append([columns[0]])
            room = first
        parts[-1].append(column)
        room -= width
    return [[list(row) for row in zip(*part, strict=True)] for part in parts]


def _width(column: Sequence[Any]) -> int:
    """Return the letters of the widest line of a column; a head breaks between words, a long text anywhere."""
    head = max(map(len, re.split(r"[\s_]", column[0])), default=0)
    texts = [cell if isinstance(cell, str) else " ".join((*cell, "()")) for cell in column[1:]]
    return max(head, *(min(len(text), LONG) for text in texts)) if texts else head
