"""Sequences with images in the pool and in the test set."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

from al_lightning.audits.result import Span
from al_lightning.data.name_order import Place


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
