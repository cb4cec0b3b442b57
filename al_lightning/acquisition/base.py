"""The interface of a strategy. To write one, subclass Acquisition in a file of your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from al_lightning.acquisition.functional import top_scores
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.types import Batch, Selection, SelectionInputs

__all__ = ["Acquisition"]


class Acquisition:
    """Chooses the images to label next. It neither trains nor loads data, and keeps no state between cycles.

    `score` runs on every process, on its share of the candidates. `select` runs once, on all rows. A strategy that
    takes the images with the highest scores defines `score` alone. Generators are NumPy's; they derive from (seed,
    cycle) alone.
    """

    members: ClassVar[int] = 1
    """Networks trained per cycle, from different seeds. `select` gets the rows of all of them."""
    needs_network: bool = True
    """Whether `score` is called at all."""
    reads_labelled: ClassVar[bool] = False
    """Whether the labelled images are scored too, as context."""
    reads_labels: ClassVar[bool] = False
    """Whether `select` gets the classes of the labelled images (`SelectionInputs.shares`)."""
    reads_groups: ClassVar[bool] = False
    """Whether `select` gets the groups of near-duplicates (`SelectionInputs.group`); all images are read for it."""
    cold_start: ClassVar[bool] = False
    """Whether it needs neither labels nor a trained network, so that it can choose the initial set."""
    keeps_limits: ClassVar[bool] = False
    """Whether `select` itself keeps to `SelectionInputs.limits`. Other strategies are asked again after each image that
    the limits rule out; images chosen so far are then marked as labelled, or left out where `reads_labelled` is False.
    This is exact for scores and for greedy choices."""
    keyed_by_position: ClassVar[bool] = False
    """Whether it knows images by their positions, so that another order of the pool is another pool."""
    reads_pixels: ClassVar[bool] = False
    """Whether `score` does more with the images than to encode them, so that stored features cannot replace them."""
    one_fit: ClassVar[bool] = False
    """Whether `initial` spends the whole budget at once; there are no cycles, and `select` is not called."""
    narrowed_by: ClassVar[str | None] = None
    """Name of the option that limits `candidates`, for the error about too few candidates."""
    score_passes: ClassVar[tuple[float, float]] = (1.0, 1.0)
    """Least and most forward passes that the score of an image costs, for the time that a run is expected to take."""
    features: str | None = None
    """Network part of a run's name, whose encoder makes `SelectionInputs.features`; None for no features."""

    def initial(self, pool: Pool, count: int, generator: np.random.Generator) -> Sequence[int] | None:
        """Return an initial set of the strategy's own, or None for the common one.

        Args:
            pool: the pool, without labelled images.
            count: size of the initial set; for a `one_fit` strategy the whole budget.
            generator: for all draws.
        """
        return None

    def candidates(self, pool: Pool, generator: np.random.Generator) -> Sequence[int]:
        """Return the unlabelled positions that may be chosen; all of them by default."""
        return [int(index) for index in pool.unlabelled]

    def check_pool(self, pool: Pool, total: int) -> None:
        """Raise UsageError if the strategy cannot work on this pool; called before training.

        Args:
            pool: the pool, without labelled images.
            total: number of labels of the whole budget, including the initial set.
        """

    def check(self, network: Any) -> None:
        """Raise UsageError if the strategy cannot work with this network."""

    def prepare(self, network: Any, generator: np.random.Generator) -> None:
        """Prepare the network, in eval mode, for scoring.

        A `foldable` network is a copy of the trained one, with BatchNorm folded into its convolutions.
        """

    def score(self, network: Any, batch: Batch) -> Tensor | Mapping[str, Tensor]:
        """Return the values that `select` needs of each image.

        Called without gradients, on normalised images. `batch.label` is 255 for all images, `batch.labelled` says which
        are labelled. Reduce pixels here.

        Returns:
            A score, (B, 1) float32. Or tensors, (B, K) each, by their kind: `score`, `embedding`, `probability`,
            `class` or a name of your own, the same kinds for every batch; `rows.part(kind)` has them in `select`. Maps
            of a pool draw embeddings. Strips and histograms draw `score`: what `select` returns as scores of the
            chosen images, for all candidates.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a network but defines no score()")

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Return `count` unlabelled positions in order of selection, with scores; without access to network or data.

        By default the images with the highest first score of the first member; of equal scores the lower position.

        Args:
            rows: candidates (and labelled images, if `reads_labelled`), ascending by position.
            count: number of images to choose.
            generator: for all draws.
        """
        if not rows.value.shape[2]:
            raise UsageError(f"{type(self).__name__} has no scores of images to choose by, and defines no select().")
        return top_scores(rows, rows.value[0, :, 0], count)
