"""What strategies say about their choices, over all runs: each sentence once."""

from __future__ import annotations

import re
from collections.abc import Iterable

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
PLACE = "\0"
"""Stands for a number."""


def in_short(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Return each distinct note once, with its strategies; where only numbers differ, their range.

    Args:
        notes: (strategy, note) of each choice.

    Returns:
        For example `probcover: delta 0.48 to 0.61 (40 choices)`.
    """
    alike: dict[str, list[tuple[str, list[str]]]] = {}
    for strategy, note in notes:
        text = note.removeprefix("note: ")
        alike.setdefault(NUMBER.sub(PLACE, text), []).append((strategy, NUMBER.findall(text)))
    lines = []
    for text, found in alike.items():
        numbers = iter([_span(column) for column in zip(*(numbers for _, numbers in found), strict=True)])
        shown = "".join(next(numbers) if part == PLACE else part for part in re.split(f"({PLACE})", text))
        strategies = ", ".join(dict.fromkeys(strategy for strategy, _ in found))
        lines.append(f"{strategies}: {shown} ({len(found):,} choice{'s' * (len(found) > 1)})")
    return lines


def _span(numbers: Iterable[str]) -> str:
    """Return the least and the most of some numbers, as they are written."""
    ordered = sorted(set(numbers), key=lambda text: float(text.replace(",", "")))
    return f"{ordered[0]} to {ordered[-1]}" if len(ordered) > 1 else ordered[0]
