"""Random: a uniform choice."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.base import Acquisition
from al_lightning.types import Selection, SelectionInputs


class Random(Acquisition):
    """Draws candidates uniformly; the baseline of all comparisons."""

    needs_network = False
    cold_start: ClassVar[bool] = True

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Draw without replacement; all scores are 0."""
        drawn = generator.permutation(rows.index[~rows.labelled].numpy())[:count]
        return Selection([int(index) for index in drawn], [0.0] * len(drawn))


class Balanced(Random):
    """Draws an initial set with as many images of each class, give or take one; it knows the classes of the pool."""
