"""Scores a pool with `Trainer.predict`, and selects; used by runs, queries and the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.errors import UsageError
from al_lightning.pool import Pool
from al_lightning.types import Batch, Selection, SelectionInputs

_EMPTY = torch.empty(0)
Score = Callable[[list[int]], tuple[Tensor, Tensor]]
"""Scores the images at ascending positions with one network; returns (N,) int64 positions and (N, K) float32."""


class Scorer(LightningModule):
    """A trained network whose prediction for a batch is a strategy's score.

    Args:
        network: the network.
        acquisition: the strategy.
    """

    def __init__(self, network: torch.nn.Module, acquisition: Acquisition) -> None:
        super().__init__()
        self.network = network
        self.acquisition = acquisition

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return (B, K) float32."""
        value = self.acquisition.score(self.network, batch)
        if value.ndim != 2 or len(value) != len(batch.index):
            raise UsageError(
                f"{type(self.acquisition).__name__}.score returned shape {tuple(value.shape)} for a batch of "
                f"{len(batch.index)}; (batch, K) was expected."
            )
        return value.float()


class AcquisitionCallback(Callback):
    """Collects the scores of one network on this process, and gathers those of all processes.

    After `trainer.predict`, `gathered` holds positions, (N,) int64 and ascending, and scores, (N, K) float32, on every
    process.

    Args:
        acquisition: the strategy.
        generator: for its `prepare`; of the same key on every process, so that all draw the same dropout masks.
    """

    def __init__(self, acquisition: Acquisition, generator: np.random.Generator) -> None:
        self.acquisition = acquisition
        self.generator = generator
        self.index, self.value, self.kept = _EMPTY, _EMPTY, 0
        self.gathered = _EMPTY, _EMPTY

    def on_predict_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the strategy prepare the network, which is in eval mode by now."""
        self.acquisition.prepare(pl_module.network, self.generator)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep this batch's scores, padding included: every process has the same number of them.

        Memory for all scores is allocated once. Small tensors left between a batch's large ones would split the freed
        memory, which then grows with the pool by hundreds of megabytes.
        """
        if self.kept == 0:
            room = int(trainer.num_predict_batches[dataloader_idx]) * len(batch.index)
            self.index = batch.index.new_empty(room)
            self.value = outputs.new_empty((room, outputs.shape[1]))
        rows = slice(self.kept, self.kept + len(batch.index))
        self.index[rows] = batch.index
        self.value[rows] = outputs
        self.kept = rows.stop

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the scores of all processes, on the process group's device; drop padding; sort."""
        index, value = self.index[: self.kept], self.value[: self.kept]
        if trainer.world_size > 1:
            index = torch.as_tensor(pl_module.all_gather(index)).flatten()
            value = torch.as_tensor(pl_module.all_gather(value)).flatten(0, 1)
        self.index, self.value, self.kept = _EMPTY, _EMPTY, 0
        self.gathered = in_order(index.cpu(), value.cpu())


def in_order(index: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions, (N,) int64, and their scores, (N, K) float32, ascending; position -1 marks padding."""
    order = torch.argsort(index)
    order = order[index[order] >= 0]
    return index[order], value[order]


def score_pool(acquisition: Acquisition, pool: Pool, generator: np.random.Generator, score: Score) -> SelectionInputs:
    """Score a strategy's candidates, and the labelled images where the strategy reads them, with one network.

    Args:
        acquisition: the strategy.
        pool: says which images are labelled.
        generator: for the strategy's `candidates`.
        score: scores images with the network; not called for a strategy that needs no network.

    Raises:
        UsageError: the strategy named no candidates to score.
    """
    images = [int(index) for index in acquisition.candidates(pool, generator)]
    if not acquisition.needs_network:
        count = len(images)
        index = torch.tensor(sorted(images), dtype=torch.int64)
        return SelectionInputs(index, torch.zeros(count, dtype=torch.bool), torch.empty(1, count, 0))
    if acquisition.reads_labelled:
        images += pool.labelled
    if not images:
        raise UsageError(f"{type(acquisition).__name__} named no candidates to score.")
    index, value = score(sorted(images))
    return SelectionInputs(index, torch.isin(index, torch.tensor(pool.labelled, dtype=torch.int64)), value[None])


def join_members(members: Sequence[SelectionInputs]) -> SelectionInputs:
    """Join what `score_pool` returned for each network of an ensemble."""
    return members[0]._replace(value=torch.cat([one.value for one in members]))


def select(acquisition: Acquisition, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
    """Run a strategy's selection, and check it.

    Raises:
        UsageError: there are fewer candidates than images to choose, or the selection is not valid.
    """
    name, candidates = type(acquisition).__name__, int((~rows.labelled).sum())
    if candidates < count:
        option = f"change --acquisition.{acquisition.narrowed_by}, or " if acquisition.narrowed_by else ""
        raise UsageError(
            f"{name} has {candidates} candidates left, but {count} images are to be chosen; {option}"
            "lower --budget.query or --budget.cycles."
        )
    selection = acquisition.select(rows, count, generator)
    selection = Selection([int(i) for i in selection.indices], [float(s) for s in selection.scores])
    if problem := _problem(selection, rows, count):
        raise UsageError(f"The strategy {name} {problem}.")
    return selection


def _problem(selection: Selection, rows: SelectionInputs, count: int) -> str:
    """Return what is wrong with a selection, or an empty string."""
    chosen, candidates = selection.indices, set(rows.index[~rows.labelled].tolist())
    if len(chosen) != count:
        return f"chose {len(chosen)} images where {count} were asked for"
    if len(set(chosen)) != len(chosen):
        return "chose an image twice"
    if not candidates.issuperset(chosen):
        return f"chose image {min(set(chosen) - candidates)}, which is no candidate"
    if len(selection.scores) != len(chosen):
        return f"gave {len(selection.scores)} scores for {len(chosen)} images"
    return ""
