"""Sequences that have images on both sides of the split."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import PurePath

from al_lightning.audits.result import Span
from al_lightning.data.images import time_order

Place = tuple[str, int]
"""A sequence and a frame of it."""


def places(names: Sequence[str], pattern: str | None) -> list[Place | None]:
    """Return what a pattern finds in each name: the sequence and the frame, or None where it finds none.

    Args:
        names: of images; their files' names without ending are looked at.
        pattern: regular expression with the groups `sequence` and `frame`, see `time_order`; None finds none.

    Raises:
        UsageError: it is no such expression.
    """
    if pattern is None:
        return [None] * len(names)
    time_order([], pattern)  # says what is wrong with the pattern itself
    found: list[Place | None] = []
    for name in names:
        match = re.search(pattern, PurePath(name).stem)
        known = match is not None and match["sequence"] and (match["frame"] or "").isdigit()
        found.append((match["sequence"], int(match["frame"])) if match is not None and known else None)
    return found


def spans(
    pool: Sequence[Place | None], test: Sequence[Place | None], names: tuple[Sequence[str], Sequence[str]]
) -> tuple[Span, ...]:
    """Return the sequences on both sides, by name, with the pool image and the test image that are closest in time."""
    sides: list[dict[str, list[tuple[int, int]]]] = [{}, {}]
    for side, found in zip(sides, (pool, test), strict=True):
        for index, place in enumerate(found):
            if place is not None:
                side.setdefault(place[0], []).append((place[1], index))
    result = []
    for name in sorted(sides[0].keys() & sides[1].keys()):
        frames = sorted((frame, number, index) for number in (0, 1) for frame, index in sides[number][name])
        gap, first, second = min((b[0] - a[0], a[1:], b[1:]) for a, b in itertools.pairwise(frames) if a[1] != b[1])
        closest = (first[1], second[1]) if first[0] == 0 else (second[1], first[1])
        result.append(
            Span(
                name,
                len(sides[0][name]),
                len(sides[1][name]),
                gap,
                closest,
                (names[0][closest[0]], names[1][closest[1]]),
            )
        )
    return tuple(result)
