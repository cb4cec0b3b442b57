"""A test set for data without one: a share of the pool, the same for every seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from al_lightning.errors import DatasetError, UsageError
from al_lightning.seeding import generator


def hold_out(groups: Sequence[int], share: float, order: Sequence[int] | None = None) -> tuple[list[int], list[int]]:
    """Split positions into (kept, held out), with about the same share of every group.

    Args:
        groups: (N,) group of each image: its class, or its sequence.
        share: share of each group that is held out, 0 < share < 1; at least one image of a group with two or more.
        order: (N,) time within the group. With it, the last images of each group are held out, since neighbours in
            time are near-duplicates and must not be on both sides; without it, random ones.

    Raises:
        UsageError: the share is not between 0 and 1.
        DatasetError: each group has a single image.
    """
    if not 0 < share < 1:
        raise UsageError(f"data.test_share is {share}; it must be above 0 and below 1.")
    group = np.asarray(groups)
    rank = np.asarray(order) if order is not None else generator("holdout", len(group)).permutation(len(group))
    held: list[int] = []
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        held.extend(int(member) for member in members[np.argsort(rank[members], kind="stable")][len(members) - count :])
    if not held:
        raise DatasetError(
            f"No test set can be held out: each of the {len(np.unique(group))} groups (classes or sequences) has "
            "a single image. Name a test set."
        )
    out = set(held)
    return [position for position in range(len(group)) if position not in out], sorted(out)
