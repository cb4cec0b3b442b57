"""Draws of a test set: whole units with about the same share of every class, random images, or the last ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from al_lightning.errors import DatasetError
from al_lightning.seeding import generator

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def draw(units: Indices, group: Indices, share: float) -> Flags:
    """Draw whole units until about the share of each class is reached, (N,) bool.

    Units come in a random order, the same in every run. A unit is passed over where a class would get more than its
    share; a unit of several classes counts in each of them. A class that then lacks images gets the unit that comes
    closest to the shares, if that improves them or if the class has none. At least one image of a class stays.

    Args:
        units: (N,) the unit of each image: units of equal numbers are drawn together.
        group: (N,) the class of each image, numbers from 0.
        share: share of each class, 0 < share < 1; at least one image of a class with two or more.
    """
    totals = np.bincount(group).tolist()
    wanted = [max(0, min(max(1, round(share * total)), total - 1)) for total in totals]
    _, unit = np.unique(units, return_inverse=True)
    contents: list[Counter[int]] = [Counter() for _ in range(unit.max(initial=-1) + 1)]
    for number, kind in zip(unit.tolist(), group.tolist(), strict=True):
        contents[number][kind] += 1
    have, taken = [0] * len(totals), np.zeros(len(contents), dtype=bool)

    def take(number: int) -> None:
        taken[number] = True
        for kind, count in contents[number].items():
            have[kind] += count

    def change(number: int) -> int:
        """Return by how much the distance from the shares would grow."""
        pairs = contents[number].items()
        return sum(abs(have[kind] + count - wanted[kind]) - abs(have[kind] - wanted[kind]) for kind, count in pairs)

    order = generator("holdout", len(units)).permutation(len(contents)).tolist()
    for number in order:
        if all(have[kind] + count <= wanted[kind] for kind, count in contents[number].items()):
            take(number)
    of_kind: list[list[int]] = [[] for _ in totals]
    for number in order:
        for kind in contents[number]:
            of_kind[kind].append(number)
    for kind, numbers in enumerate(of_kind):
        while have[kind] < wanted[kind]:
            leave_some = [
                number
                for number in numbers
                if not taken[number] and all(have[k] + count < totals[k] for k, count in contents[number].items())
            ]
            best = min(leave_some, key=change, default=None)
            if best is None or (have[kind] and change(best) >= 0):
                break
            take(best)
    drawn: Flags = taken[unit]
    return drawn


def hold_out(groups: Sequence[int], share: float, order: Sequence[int] | None = None) -> tuple[list[int], list[int]]:
    """Split positions into (kept, held out), with about the same share of every group.

    Args:
        groups: (N,) group of each image, for example its class.
        share: share of each group that is held out, 0 < share < 1; at least one image of a group with two or more.
        order: (N,) rank within the group. With it, the last images of each group are held out; without it, random ones.

    Raises:
        DatasetError: each group has a single image.
    """
    group = np.asarray(groups)
    rank = np.asarray(order) if order is not None else generator("holdout", len(group)).permutation(len(group))
    held: list[int] = []
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held.extend(int(member) for member in members[np.argsort(rank[members], kind="stable")][len(members) - count :])
    if not held:
        raise nothing_to_hold_out(len(group))
    out = set(held)
    return [position for position in range(len(group)) if position not in out], sorted(out)


def nothing_to_hold_out(size: int) -> DatasetError:
    """Return the error for images of which none can be held out."""
    return DatasetError(
        f"No test set can be held out (images: {size:,}): each class has a single image, or images that are all equal. "
        "Name a test set."
    )
