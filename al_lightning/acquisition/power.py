"""Power: a batch drawn by the scores of another strategy, instead of its highest scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import require_finite, round_significant
from al_lightning.acquisition.functional.draws import Kind, perturbed_order, take_in_order
from al_lightning.acquisition.limits import Allowed
from al_lightning.errors import UsageError, require
from al_lightning.pool import Pool
from al_lightning.types import Batch, Selection, SelectionInputs

_OF_THE_STRATEGY = (
    "members",
    "reads_labelled",
    "reads_labels",
    "reads_pixels",
    "keyed_by_position",
    "score_passes",
    "features",
)


class Power(Acquisition):
    """The highest scores after noise (Kirsch et al. 2023), so that a batch does not hold one kind of image alone.

    The images are drawn one after the other without replacement, with probabilities proportional to s^beta (`power`),
    exp(beta s) (`softmax`) or 1 / rank^beta (`softrank`). That is the same as to take the highest sums of beta log s,
    beta s or -beta log rank and a Gumbel draw for each image. An image's draw depends on its position, and not on which
    images are candidates. The score of a choice is s.

    Args:
        strategy: a strategy that takes the highest scores, for example `BALD`.
        beta: 0 draws uniformly; the larger, the nearer to the highest scores.
        kind: what is perturbed. With `power` images whose score is not above 0 come after all others.
    """

    keeps_limits: ClassVar[bool] = True

    def __init__(self, strategy: Acquisition, beta: float = 1.0, kind: Kind = "power") -> None:
        require("acquisition.beta", beta, least=0)
        own = type(strategy)
        if own.select is not Acquisition.select or own.one_fit or not own.needs_network:
            raise UsageError(
                f"acquisition.strategy is {own.__name__}, which does not take the images with the highest scores; "
                "Power needs one that does, such as Entropy, Margin or BALD."
            )
        self.strategy, self.beta, self.kind = strategy, beta, kind
        for name in _OF_THE_STRATEGY:
            setattr(self, name, getattr(strategy, name))
        if strategy.narrowed_by:
            self.narrowed_by = f"strategy.{strategy.narrowed_by}"  # type: ignore[misc]  # of this object

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int] | None:
        """Return the strategy's initial set."""
        return self.strategy.initial(pool, count, generator)

    def candidates(self, pool: Pool, generator: np.random.Generator) -> Sequence[int]:
        """Return the strategy's candidates."""
        return self.strategy.candidates(pool, generator)

    def check_pool(self, pool: Pool, total: int) -> None:
        """Check as the strategy does."""
        self.strategy.check_pool(pool, total)

    def check(self, network: Any) -> None:
        """Check as the strategy does."""
        self.strategy.check(network)

    def prepare(self, network: Any, generator: np.random.Generator) -> None:
        """Prepare as the strategy does."""
        self.strategy.prepare(network, generator)

    def score(self, network: Any, batch: Batch) -> Tensor | Mapping[str, Tensor]:
        """Return the strategy's scores."""
        return self.strategy.score(network, batch)

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Take the highest perturbed scores."""
        score, allowed = rows.value[0, :, 0], Allowed(rows)
        require_finite(rows, score)
        score = round_significant(score)
        order = perturbed_order(score, rows.index, ~rows.labelled, self.beta, self.kind, generator)
        chosen = take_in_order(order, count, allowed)
        return Selection(rows.index[chosen].tolist(), score[chosen].tolist())
