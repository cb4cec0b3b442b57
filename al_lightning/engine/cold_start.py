"""An initial set that covers the pool, chosen by the embeddings of a network before any training."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from al_lightning.acquisition.coreset import Coreset
from al_lightning.acquisition.scoring import score_pool, select
from al_lightning.config.experiment import Experiment
from al_lightning.distributed.processes import Processes
from al_lightning.engine.fit import Fit
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.runs.identity import flatten
from al_lightning.seeding import generator
from al_lightning.types import Selection, SelectionInputs


class Spread(Coreset):
    """k-center greedy without labelled images: a random first image, then always the farthest from all chosen ones."""

    reads_labelled: ClassVar[bool] = False

    def select(self, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
        """Draw the first image, whose score is 0; select the others as core-set does with that image labelled."""
        first = int(generator.integers(len(rows.index)))
        labelled = rows.labelled.clone()
        labelled[first] = True
        rest = super().select(SelectionInputs(rows.index, labelled, rows.value), count - 1, generator)
        return Selection([int(rows.index[first]), *rest.indices], [0.0, *rest.scores])


@contextmanager
def fresh_fit(experiment: Experiment, pool: Pool, processes: Processes, reporter: Reporter) -> Iterator[Fit]:
    """Build the first fit in a temporary folder: a check of its parts that writes nothing into the run directory.

    All processes of the run call this.
    """
    with tempfile.TemporaryDirectory() as scratch:
        fit = Fit(experiment, 0, 0, pool, Path(scratch) / "member_0", processes, reporter)
        yield fit
        fit.close()


def spread(experiment: Experiment, pool: Pool, count: int, processes: Processes, reporter: Reporter) -> Selection:
    """Choose an initial set that covers the pool: k-center greedy on the embeddings of the untrained network.

    The network is the one that the first fit begins with. At a seed the initial set is the same for every strategy. All
    processes of the run call this.
    """
    if not any(key.split(".")[-1] == "weights" and value for key, value in flatten(experiment.plain["network"])):
        reporter.say(
            "note: initial: spread uses the features of a network without pretrained weights, which are random; "
            "name weights under network (for example weights: imagenet) for features that distinguish images"
        )
    strategy = Spread()
    reporter.cycle(0, 0)
    with fresh_fit(experiment, pool, processes, reporter) as fit:
        draw = generator("candidates", experiment.seed, 0)
        rows = score_pool(strategy, pool, draw, partial(fit.score, strategy))
    return processes.once(select, strategy, rows, count, generator("initial", experiment.seed))
