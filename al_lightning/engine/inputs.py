"""What a strategy's `select` gets beside scores: names, sequences, groups, labels, others' features, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.config.configuration import Configured
from al_lightning.config.experiment import with_encoder
from al_lightning.data.dataset import PoolDataset
from al_lightning.distributed.processes import Processes
from al_lightning.errors import UsageError, from_home
from al_lightning.features.external import vectors_of
from al_lightning.features.make import find_or_make
from al_lightning.pool import Pool
from al_lightning.progress import Reporter
from al_lightning.seeding import seed_of
from al_lightning.tasks import IGNORE
from al_lightning.training.base import seed_global
from al_lightning.types import SelectionInputs
from al_lightning.vector_files import ENDINGS


def check_encoders(
    strategies: Iterable[Acquisition], like: Configured, configs: Sequence[str], say: Callable[[str], object]
) -> None:
    """Check the other encoders that strategies name, before any features are made; vectors of a file are read.

    Args:
        strategies: the strategies.
        like: has the images.
        configs: the names and files that it was built from.
        say: prints a line.

    Raises:
        UsageError: there is no such encoder, or it reads other images.
    """
    data = like.data
    for name in dict.fromkeys(strategy.features for strategy in strategies):
        if name is None or name in data.encoded:
            continue
        if Path(name).suffix in ENDINGS:
            data.encoded = {**data.encoded, name: vectors_of(data, from_home("features", name), say).train}
        else:
            _encoder(like, configs, name)


def encode_for(
    strategies: Iterable[Acquisition],
    like: Configured,
    configs: Sequence[str],
    processes: Processes,
    reporter: Reporter,
) -> None:
    """Find or make the features of other encoders that strategies read; all processes of a run call this.

    Arguments and errors are those of `check_encoders`; `processes` are the run's.
    """
    strategies, data = list(strategies), like.data
    check_encoders(strategies, like, configs, reporter.say)
    for name in dict.fromkeys(strategy.features for strategy in strategies):
        if name is None or name in data.encoded:
            continue
        other = _encoder(like, configs, name)
        seed_global(seed_of("build", 0, 0, 0))
        how = (other.trainer, other.memory_format, other.pretrained)
        found = find_or_make(other.data, other.network(data.num_classes), processes, reporter, *how)
        data.encoded = {**data.encoded, name: found.train}


def _encoder(like: Configured, configs: Sequence[str], name: str) -> Configured:
    other = with_encoder(like, configs, name)
    if other.data.fingerprint() != like.data.fingerprint():
        raise UsageError(f"With the network {name} the dataset has other images; take another encoder.")
    return other


def completed(
    rows: SelectionInputs,
    data: PoolDataset,
    constraints: Constraints,
    strategy: Acquisition,
    pool: Pool,
    which: tuple[int, int],
) -> SelectionInputs:
    """Return the inputs of `select`, complete; `which` has the number of the choice, and how many there are."""
    index = rows.index.tolist()
    names = data.names(range(pool.size))
    return rows._replace(
        shares=shares_of(data, rows) if strategy.reads_labels else None,
        features=None if strategy.features is None else data.encoded[strategy.features].rows(index).float(),
        names=[names[position] for position in index],
        sequence=None if pool.sequence is None else torch.tensor(pool.sequence, dtype=torch.int64)[rows.index],
        group=torch.from_numpy(data.near_duplicates)[rows.index] if strategy.reads_groups else None,
        cycle=which[0],
        cycles=which[1],
        limits=constraints.limits(pool, rows.index.numpy(), names, lambda: data.near_duplicates),
    )


def shares_of(data: PoolDataset, rows: SelectionInputs) -> Tensor:
    """Return the share of each class among the labels of labelled images, (N, C) float32; NaN for others.

    Of an image whose pixels are all ignored, all shares are 0.
    """
    shares = np.full((len(rows.index), data.num_classes), np.nan, dtype=np.float32)
    for row in rows.labelled.nonzero().flatten().tolist():
        label = np.asarray(data.train.label(int(rows.index[row])))
        known = label[label != IGNORE] if label.ndim else label[None]
        counts = np.bincount(known, minlength=data.num_classes)
        shares[row] = counts / max(1, counts.sum())
    return torch.from_numpy(shares)
