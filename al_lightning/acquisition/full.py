"""Full: the whole pool labelled at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from al_lightning.acquisition.base import Acquisition
from al_lightning.pool import Pool


class Full(Acquisition):
    """One fit on the whole pool: the 100 % row of the tables."""

    needs_network = False
    one_fit: ClassVar[bool] = True

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int]:
        """Return every position."""
        return range(pool.size)
