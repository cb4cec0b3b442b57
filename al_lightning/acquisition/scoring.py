"""Scores a pool with `Trainer.predict`, and selects; used by runs, queries and the conformance kit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional.precision import full_precision
from al_lightning.acquisition.limits import Allowed
from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.pool import Pool
from al_lightning.types import Batch, LinearHead, Selection, SelectionInputs

_EMPTY = torch.empty(0)


class Scored(NamedTuple):
    """What one network says of the images that it scored.

    Attributes:
        index: (N,) int64 positions, ascending.
        value: (N, K) float32.
        columns: see `SelectionInputs`.
        head: see `SelectionInputs`.
    """

    index: Tensor  # type: ignore[assignment]  # hides tuple.index
    value: Tensor
    columns: Mapping[str, int]
    head: LinearHead | None


Score = Callable[[list[int]], Scored]
"""Scores the images at some positions, ascending, with one network."""


class Scorer(LightningModule):
    """A trained network whose prediction for a batch is a strategy's score.

    Args:
        network: the network.
        acquisition: the strategy.
        labelled: positions of the labelled images.

    Attributes:
        columns: the kinds of the numbers of an image, and how many of each, once a batch was scored.
    """

    def __init__(self, network: torch.nn.Module, acquisition: Acquisition, labelled: Sequence[int] = ()) -> None:
        super().__init__()
        self.network = network
        self.acquisition = acquisition
        self.labelled = torch.tensor(labelled, dtype=torch.int64)
        self.columns: dict[str, int] = {}

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return (B, K) float32."""
        self.labelled = self.labelled.to(batch.index.device)
        batch = batch._replace(labelled=torch.isin(batch.index, self.labelled))
        given = self.acquisition.score(self.network, batch)
        parts = given if isinstance(given, Mapping) else {"": given}
        for kind, value in parts.items():
            if value.ndim != 2 or len(value) != len(batch.index):
                raise UsageError(
                    f"{type(self.acquisition).__name__}.score returned shape {tuple(value.shape)}"
                    f"{f' as {kind!r}' if kind else ''} for a batch of {len(batch.index)}; (batch, K) was expected."
                )
        if given is parts:
            columns = {kind: value.shape[1] for kind, value in parts.items()}
        else:
            columns = {"score": 1} if parts[""].shape[1] == 1 else {}
        self.columns = self.columns or columns
        if list(columns.items()) != list(self.columns.items()) or not parts:
            raise UsageError(
                f"{type(self.acquisition).__name__}.score returned {self.columns or 'nothing'} for one batch and "
                f"{columns or 'nothing'} for another; the same kinds in the same order were expected."
            )
        return torch.cat([value.float() for value in parts.values()], dim=1)

    def scored(self, index: Tensor, value: Tensor) -> Scored:
        """Return the scores of all images, (N,) positions and (N, K), with what is known about them."""
        head = self.network.head_on_embedding() if isinstance(self.network, Network) else None
        return Scored(index, value, self.columns, head)


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


def score_pool(
    acquisition: Acquisition, pool: Pool, generator: np.random.Generator, score: Score | None
) -> SelectionInputs:
    """Score a strategy's candidates, and the labelled images where the strategy reads them, with one network.

    Args:
        acquisition: the strategy.
        pool: says which images are labelled.
        generator: for the strategy's `candidates`.
        score: scores images with the network; None for a strategy that needs no network.

    Raises:
        UsageError: the strategy named no candidates to score.
    """
    images = [int(index) for index in acquisition.candidates(pool, generator)]
    if acquisition.reads_labelled:
        images += pool.labelled
    images.sort()
    if score is None or not acquisition.needs_network:
        scored = Scored(torch.tensor(images, dtype=torch.int64), torch.empty(len(images), 0), {}, None)
    elif not images:
        raise UsageError(f"{type(acquisition).__name__} named no candidates to score.")
    else:
        scored = score(images)
    labelled = torch.isin(scored.index, torch.tensor(pool.labelled, dtype=torch.int64))
    return SelectionInputs(scored.index, labelled, scored.value[None], scored.columns, head=scored.head)


def join_members(members: Sequence[SelectionInputs]) -> SelectionInputs:
    """Join what `score_pool` returned for each network of an ensemble."""
    return members[0]._replace(value=torch.cat([one.value for one in members]))


def select(acquisition: Acquisition, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
    """Run a strategy's selection, and check it.

    Raises:
        UsageError: there are fewer candidates than images to choose, or the selection is not valid.
    """
    check_enough(acquisition, int((~rows.labelled).sum()), count)
    if rows.limits is None or acquisition.keeps_limits:
        selection = _asked(acquisition, rows, count, generator)
    else:
        selection = _within_limits(acquisition, rows, count, generator)
    return _noted(_checked_limits(type(acquisition).__name__, selection, rows), rows)


def check_enough(acquisition: Acquisition, candidates: int, count: int) -> None:
    """Raise UsageError where there are fewer candidates than images to choose."""
    if candidates < count:
        option = f"change --acquisition.{acquisition.narrowed_by}, or " if acquisition.narrowed_by else ""
        raise UsageError(
            f"{type(acquisition).__name__} has {candidates} candidates left, but {count} images are to be chosen; "
            f"{option}lower --budget.query or --budget.cycles."
        )


def _noted(selection: Selection, rows: SelectionInputs) -> Selection:
    """Return the selection, with a note where the scores did not tell images apart, so that the order did."""
    chosen, candidates = selection.indices, rows.index[~rows.labelled]
    if (
        rows.limits is not None
        or not rows.value.shape[2]
        or len(set(selection.scores)) > 1
        or not 1 < len(chosen) < len(candidates)
        or sorted(chosen) != candidates[: len(chosen)].tolist()
    ):
        return selection
    said = f"the {len(chosen)} images are the pool's first: all scored alike, as where the labels are of one class"
    return selection._replace(note="; ".join(filter(None, [selection.note, said])))


def _asked(acquisition: Acquisition, rows: SelectionInputs, count: int, generator: np.random.Generator) -> Selection:
    """Return a strategy's answer, which is a valid one."""
    with full_precision():
        selection = acquisition.select(rows, count, generator)
    chosen, scores = [int(i) for i in selection.indices], [float(s) for s in selection.scores]
    selection = selection._replace(indices=chosen, scores=scores)
    if problem := _problem(selection, rows, count):
        raise UsageError(f"The strategy {type(acquisition).__name__} {problem}.")
    return selection


def _within_limits(
    acquisition: Acquisition, rows: SelectionInputs, count: int, generator: np.random.Generator
) -> Selection:
    """Ask a strategy that knows no limits again and again, until the batch is full; see `Acquisition.keeps_limits`."""
    allowed = Allowed(rows)
    place = {position: row for row, position in enumerate(rows.index.tolist())}
    chosen: list[int] = []
    scores: list[float] = []
    note = ""
    while len(chosen) < count:
        taken = torch.zeros_like(rows.labelled)
        taken[allowed.taken] = True
        known = rows.labelled | taken
        shown = (known if acquisition.reads_labelled else torch.zeros_like(known)) | allowed.open
        asked, factor = rows._replace(labelled=known).only(shown), allowed.factor
        selection = _asked(acquisition, asked, min(count - len(chosen), int(allowed.open.sum())), generator)
        note = note or selection.note
        for index, score in zip(selection.indices, selection.scores, strict=True):
            # Looser limits open other rows than those that were offered.
            if not bool(allowed.open[row := place[index]]) or allowed.factor != factor:
                break
            allowed.take(row)
            chosen.append(index)
            scores.append(score)
    return Selection(chosen, scores, note)


def _checked_limits(name: str, selection: Selection, rows: SelectionInputs) -> Selection:
    """Return the selection, with a note where the limits were loosened.

    Raises:
        UsageError: it does not keep to the limits.
    """
    if rows.limits is None:
        return selection
    allowed = Allowed(rows)
    place = {position: row for row, position in enumerate(rows.index.tolist())}
    for index in selection.indices:
        if not bool(allowed.open[place[index]]):
            raise UsageError(f"The strategy {name} chose image {index}, which the constraints of the batch rule out.")
        allowed.take(place[index])
    if allowed.factor == 1:
        return selection
    loose = []
    if rows.limits.most:
        loose.append(f"may have {allowed.factor} times as many images of a group")
    if rows.limits.gap:
        gap = rows.limits.gap // allowed.factor
        loose.append(f"has frames at least {gap} apart" if gap else "has no least distance in time")
    said = f"the constraints left too few images, so this batch {' and '.join(loose)}"
    return selection._replace(note="; ".join(filter(None, [selection.note, said])))


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
