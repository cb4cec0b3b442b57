"""What every strategy is. To write one, subclass Acquisition in a file of your own: `score` and `select`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.types import Batch, Selection, SelectionInputs


class Acquisition(ABC):
    """Decides what to label next. It neither trains nor loads data, and keeps nothing from cycle to cycle.

    `score` runs on every process, on its share of the candidates; `select` once, on all rows. Generators are NumPy's
    and derive from (seed, cycle) alone.
    """

    members: ClassVar[int] = 1
    """Networks trained per cycle, from different seeds; `select` sees the rows of all of them."""
    needs_network: ClassVar[bool] = True
    """Whether `score` is called at all."""
    reads_labelled: ClassVar[bool] = False
    """Whether the labelled images are scored too, as context."""
    one_fit: ClassVar[bool] = False
    """Whether the whole budget is spent at once, by `initial`; there are no cycles then."""
    narrowed_by: ClassVar[str | None] = None
    """The option that limits `candidates`, for the sentence that says that they are too few."""

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int] | None:
        """Return an initial set of its own, or None for the common one.

        Args:
            pool: with nothing labelled.
            count: how many; for a `one_fit` strategy the whole budget.
            generator: for its draws.
        """
        return None

    def candidates(self, pool: Pool, generator: np.random.Generator) -> Sequence[int]:
        """Return the unlabelled positions that may be chosen; all of them by default."""
        return [int(index) for index in pool.unlabelled]

    def check_pool(self, pool: Pool, total: int) -> None:  # noqa: B027 - most strategies take any pool
        """Raise UsageError, before anything is trained, where this pool cannot serve the strategy.

        Args:
            pool: with nothing labelled.
            total: labels that the whole budget asks for, the initial set included.
        """

    def check(self, network: Any) -> None:  # noqa: B027 - most strategies ask for nothing
        """Raise UsageError, with a sentence, where this network cannot serve the strategy."""

    def prepare(self, network: Any, generator: np.random.Generator) -> None:  # noqa: B027 - likewise
        """Called before scoring, after the network went into eval mode.

        It is the trained one, or where that says `foldable` a copy with BatchNorm folded into its convolutions.
        """

    def score(self, network: Any, batch: Batch) -> Tensor:
        """Return (B, K) float32 for a batch of normalised images; pixels are reduced here, without gradients.

        A score, an embedding, a class and an entropy: whatever `select` wants of each image. The next batch may take
        the images' place in memory: clone what should outlast the call.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a network but defines no score()")

    @abstractmethod
    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Return `count` unlabelled positions in order of selection, with scores. Pure: no network, no loader.

        Args:
            rows: candidates (and labelled images, if `reads_labelled`), ascending by position.
            count: how many to choose.
            generator: for its draws.
        """


def check_selection(selection: Selection, rows: SelectionInputs, count: int, strategy: str) -> None:
    """Hold a selection, possibly a user's own, to its promise.

    Raises:
        UsageError: another number of images than asked for, repeats, or images that were no candidates.
    """
    chosen = selection.indices
    candidates = set(rows.index[~rows.labelled].tolist())
    if len(chosen) != count:
        problem = f"chose {len(chosen)} images where {count} were asked for"
    elif len(set(chosen)) != len(chosen):
        problem = "chose an image twice"
    elif not candidates.issuperset(chosen):
        problem = f"chose image {min(set(chosen) - candidates)}, which is no candidate"
    elif len(selection.scores) != len(chosen):
        problem = f"gave {len(selection.scores)} scores for {len(chosen)} images"
    else:
        return
    raise UsageError(f"The strategy {strategy} {problem}.")
