"""UniformEntropy: the most uncertain among images at equal distances in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import mean_entropy, sequences_in_time
from al_lightning.errors import UsageError, require
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.types import Batch


class UniformEntropy(Acquisition):
    """Highest entropy (Eq. 3-4 of Mittal et al.) among every `step`-th image of each sequence, from its first image on.

    The initial set is drawn from these images too.

    Args:
        step: distance in images of the pool, in the order of time.
    """

    narrowed_by: ClassVar[str | None] = "step"

    def __init__(self, step: int = 5) -> None:
        require("acquisition.step", step, least=1)
        self.step = step

    def check_pool(self, pool: Pool, total: int) -> None:
        """Refuse a budget larger than the number of candidates."""
        if total > len(self._frames(pool)):
            raise self._too_few(
                pool, f"the budget asks for {total} labels in all; lower --acquisition.step or the budget"
            )

    def _frames(self, pool: Pool) -> set[int]:
        return {position for sequence in sequences_in_time(pool) for position in sequence[:: self.step]}

    def _too_few(self, pool: Pool, problem: str) -> UsageError:
        count = len(self._frames(pool))
        return UsageError(
            f"acquisition.step {self.step} leaves {count} candidates of {pool.size} images, and {problem}."
        )

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int]:
        """Draw `count` of the candidates."""
        candidates = self.candidates(pool, generator)
        if count > len(candidates):
            raise self._too_few(pool, f"budget.initial asks for {count}; lower --acquisition.step or --budget.initial")
        return [int(index) for index in generator.permutation(candidates)[:count]]

    def candidates(self, pool: Pool, generator: np.random.Generator) -> Sequence[int]:
        """Return the unlabelled among every `step`-th image, ascending."""
        left = sorted(self._frames(pool).difference(pool.labelled))
        if not left:
            raise self._too_few(pool, "all of them are labelled; lower --acquisition.step or --budget.cycles")
        return left

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return (B, 1) entropies in nats."""
        return mean_entropy(network(batch.image).logits)[:, None]
