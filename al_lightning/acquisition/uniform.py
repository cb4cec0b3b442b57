"""Uniform: images at equal distances in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import sequences_in_time
from al_lightning.errors import UsageError
from al_lightning.pool import Pool


class Uniform(Acquisition):
    """Every k-th image in time, with the sequences one after the other; the whole budget in one fit."""

    needs_network = False
    one_fit: ClassVar[bool] = True

    def check_pool(self, pool: Pool, total: int) -> None:
        """Refuse a pool without an order in time."""
        sequences_in_time(pool)

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int]:
        """Return `count` positions at equal distances in time."""
        order = [position for sequence in sequences_in_time(pool) for position in sequence]
        if not 1 <= count <= len(order):
            raise UsageError(
                f"The budget asks Uniform for {count} of {len(order)} images; change --budget.initial, --budget.query "
                "or --budget.cycles."
            )
        return [order[number * len(order) // count] for number in range(count)]
