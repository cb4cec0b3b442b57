"""The order of images by the names of their files: sequence and frame by a pattern, or the number that ends a name."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from al_lightning.errors import UsageError

Indices = npt.NDArray[np.int64]
Place = tuple[str, int]
"""The name of a sequence, and a frame number."""


def places(names: Sequence[str], pattern: str) -> list[Place | None]:
    r"""Return sequence and frame in each name; None where the pattern finds none.

    Args:
        names: names of files, without endings.
        pattern: regular expression with the groups `sequence` and `frame`, for example
            `(?P<sequence>.+)_(?P<frame>\d+)`.

    Raises:
        UsageError: the pattern is no such expression.
    """
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"sequence_pattern {pattern!r} is not a regular expression ({error}).") from error
    if not {"sequence", "frame"} <= regex.groupindex.keys():
        raise UsageError(f"sequence_pattern {pattern!r} needs the groups (?P<sequence>...) and (?P<frame>...).")
    return [_place(regex.search(name)) for name in names]


def _place(match: re.Match[str] | None) -> Place | None:
    if match is None or not match["sequence"] or not (match["frame"] or "").isdecimal():
        return None
    return match["sequence"], int(match["frame"])


def time_order(names: Sequence[str], pattern: str | None) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Return for each name the number of its sequence, by first appearance, and its frame number.

    Args:
        names: names of files, without endings.
        pattern: see `places`; None where the data have no order in time, which gives (None, None).

    Raises:
        UsageError: the pattern is no such expression, or does not match a name.
    """
    if pattern is None:
        return None, None
    found = places(names, pattern)
    known = [place for place in found if place is not None]
    if len(known) < len(found):
        name = names[found.index(None)]
        raise UsageError(f"sequence_pattern {pattern!r} finds no sequence and frame number in {name!r}.")
    return numbered(sequence for sequence, _ in known), tuple(frame for _, frame in known)


def numbered(values: Iterable[Hashable]) -> tuple[int, ...]:
    """Return a number for each value, by first appearance: (b, a, b) gives (0, 1, 0)."""
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(value, len(numbers)) for value in values)


def order_of_names(paths: Sequence[PurePath]) -> Indices | None:
    """Return the rank of each file by its folder, its name, and the number that ends the name; None without numbers."""
    ends = [re.fullmatch(r"(.*?)([0-9]+)", path.stem) for path in paths]
    if not all(ends):
        return None
    keys = [(path.parts[:-1], end[1], int(end[2]), path.name) for path, end in zip(paths, ends, strict=True) if end]
    return ranks(np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64))


def ranks(order: Indices) -> Indices:
    """Return the rank of each position in an order of positions."""
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks
