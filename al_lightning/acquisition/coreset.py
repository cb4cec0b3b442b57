"""Core-set: k-center greedy on embeddings, so that the labelled images cover the pool."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from al_lightning.acquisition.functional import k_center_greedy
from al_lightning.acquisition.on_embeddings import OnEmbeddings
from al_lightning.types import Selection, SelectionInputs


class Coreset(OnEmbeddings):
    """k-center greedy (Sener and Savarese 2018): each choice is the image farthest from all labelled or chosen images.

    The score of a choice is its distance when it was chosen.
    """

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Run k-center greedy from the labelled images."""
        chosen, distances = k_center_greedy(self.finite_embedding(rows), rows.labelled, count)
        # The first choice from a pool without labels has no distance: its score is 0, not infinity.
        return Selection(rows.index[chosen].tolist(), [d if np.isfinite(d) else 0.0 for d in distances])


class Spread(Coreset):
    """Core-set from a random first image, where nothing is labelled: an initial set that covers the pool."""

    cold_start: ClassVar[bool] = True

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Draw the first image, whose score is 0; select the others as core-set does with that image labelled."""
        if bool(rows.labelled.any()):
            return super().select(rows, count, generator)
        first = int(generator.integers(len(rows.index)))
        labelled = rows.labelled.clone()
        labelled[first] = True
        rest = super().select(rows._replace(labelled=labelled), count - 1, generator)
        return Selection([int(rows.index[first]), *rest.indices], [0.0, *rest.scores])
