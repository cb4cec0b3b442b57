"""Sequences with images in the pool and in the test set."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePath

from al_lightning.audits.result import Span
from al_lightning.data.images import time_order

Place = tuple[str, int]
"""The name of a sequence, and a frame number."""


def places(names: Sequence[str], pattern: str | None) -> list[Place | None]:
    """Return the sequence and the frame in each image's name; None where the pattern does not match.

    Args:
        names: names of image files; the pattern is applied to the stem.
        pattern: regular expression with the groups `sequence` and `frame`, see `time_order`; None matches no name.

    Raises:
        UsageError: the pattern is not such an expression.
    """
    if pattern is None:
        return [None] * len(names)
    time_order([], pattern)  # checks the pattern
    return [_place(re.search(pattern, PurePath(name).stem)) for name in names]


def _place(match: re.Match[str] | None) -> Place | None:
    if match is None or not match["sequence"] or not (match["frame"] or "").isdigit():
        return None
    return match["sequence"], int(match["frame"])


def spans(
    pool: Sequence[Place | None], test: Sequence[Place | None], names: tuple[Sequence[str], Sequence[str]]
) -> tuple[Span, ...]:
    """Return the sequences with images on both sides, by name; `names` are those of the pool and of the test set."""
    frames: dict[str, list[tuple[int, int, int]]] = defaultdict(list)  # (frame, side, position)
    for side, side_places in enumerate((pool, test)):
        for index, place in enumerate(side_places):
            if place is not None:
                frames[place[0]].append((place[1], side, index))
    result = []
    for name, images in sorted(frames.items()):
        in_test = sum(side for _, side, _ in images)
        if not 0 < in_test < len(images):
            continue
        neighbours = ((a, b) for a, b in itertools.pairwise(sorted(images)) if a[1] != b[1])
        gap, *closest = min((b[0] - a[0], a[1:], b[1:]) for a, b in neighbours)
        (_, in_pool_at), (_, in_test_at) = sorted(closest)
        closest_names = names[0][in_pool_at], names[1][in_test_at]
        result.append(Span(name, len(images) - in_test, in_test, gap, (in_pool_at, in_test_at), closest_names))
    return tuple(result)
