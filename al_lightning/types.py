"""Types of the tensors that modules exchange, with shape, dtype and unit.

B images per batch, C classes, D features, H x W pixels, K numbers per score, M members, N scored images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from torch import Tensor

__all__ = ["Batch", "Features", "LinearHead", "NetworkOutput", "Selection", "SelectionInputs"]


class Batch(NamedTuple):
    """Images and their labels.

    Attributes:
        image: (B, 3, H, W); uint8 as loaded, normalised float32 on the device.
        label: (B,) int64 class, or (B, H, W) uint8 class per pixel with 255 = ignore; (B,) of 255 while a strategy
            scores, labelled images included.
        index: (B,) int64 position in the full training (or test) set; -1 marks padding.
        labelled: (B,) bool, which images are labelled; while a strategy scores, None otherwise.
    """

    image: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a batch
    labelled: Tensor | None = None


class Features(NamedTuple):
    """Features of a batch: the output of `encode` and the input of `decode`.

    Attributes:
        maps: the decoder's inputs, (B, D_i, H_i, W_i) each.
        embedding: (B, D), one vector per image.
        taps: intermediate stages for a loss predictor, (B, D_i, H_i, W_i) each; may be empty.
        size: (H, W) of the input image.
    """

    maps: tuple[Tensor, ...]
    embedding: Tensor
    taps: tuple[Tensor, ...]
    size: tuple[int, int]


class NetworkOutput(NamedTuple):
    """The output of a network for a batch.

    Attributes:
        logits: (B, C), or (B, C, H, W) at the input's size; unnormalised log-probabilities.
        predicted_loss: (B,) a loss predictor's prediction of each image's loss; None without one.
    """

    logits: Tensor
    predicted_loss: Tensor | None = None


class LinearHead(NamedTuple):
    """A linear classifier: logits are `features @ weight.T + bias`.

    Attributes:
        weight: (C, D) float64.
        bias: (C,) float64.
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Map (N, D) to logits, (N, C) float64."""
        return features.double() @ self.weight.T + self.bias


class Limits(NamedTuple):
    """What a batch may hold at most, for the N rows of a selection; `acquisition.limits.Allowed` keeps to it.

    Attributes:
        group: (R, N) int64, for each of R rules the number of each row's group; -1 is no group.
        most: R numbers: how many rows of one group a batch may have.
        gap: least distance in time between two frames of one sequence, in the unit of `frame`.
        sequence: (N,) int64; empty without a gap.
        frame: (N,) int64; empty without a gap.
        nearest: (N,) int64 distance in time to the nearest labelled frame; empty without a gap.
    """

    group: Tensor
    most: tuple[int, ...]
    gap: int
    sequence: Tensor
    frame: Tensor
    nearest: Tensor


class SelectionInputs(NamedTuple):
    """The input of a strategy's `select`.

    Attributes:
        index: (N,) int64 positions in the full training set, ascending, unique.
        labelled: (N,) bool; labelled rows are context (for core-set) and are never chosen.
        value: (M, N, K) float32, the values that `score` returned, by member and image; K is 0 without a network.
        columns: the kinds of the K values in their order, and how many of each; see `Acquisition.score`.
        shares: (N, C) float32, for a strategy that `reads_labels`: the share of each class among a labelled image's
            labels, 1 for the class of an image that has one class; NaN for unlabelled images. None for others.
        features: (N, D) float32, vectors of another, frozen encoder, for a strategy that names one; else None.
        head: the network's linear head on its embedding; None where it has another one.
        names: N names of the images, paths below the dataset's folder; empty where nobody gave them.
        sequence: (N,) int64 number of each image's sequence; None where the data have no sequences.
        group: (N,) int64 number of each image's group of near-duplicates, for a strategy that `reads_groups`: the
            position of the group's first image, which need not be among the rows. None for others.
        cycle: number of this choice, from 0; an initial set that a strategy chooses has a 0 of its own.
        cycles: number of choices that the run makes, or for an initial set one more.
        limits: of the batch; None without any.
    """

    index: Tensor  # type: ignore[assignment]  # hides tuple.index
    labelled: Tensor
    value: Tensor
    columns: Mapping[str, int] = MappingProxyType({})
    shares: Tensor | None = None
    features: Tensor | None = None
    head: LinearHead | None = None
    names: Sequence[str] = ()
    sequence: Tensor | None = None
    group: Tensor | None = None
    cycle: int = 0
    cycles: int = 1
    limits: Limits | None = None

    def only(self, kept: Tensor) -> SelectionInputs:
        """Return the rows of a mask, (N,) bool."""
        limits, places = self.limits, kept.nonzero().flatten().tolist()
        if limits is not None:
            gap = (each[kept] if len(each) else each for each in (limits.sequence, limits.frame, limits.nearest))
            limits = Limits(limits.group[:, kept], limits.most, limits.gap, *gap)
        return self._replace(
            index=self.index[kept],
            labelled=self.labelled[kept],
            value=self.value[:, kept],
            shares=None if self.shares is None else self.shares[kept],
            features=None if self.features is None else self.features[kept],
            names=[self.names[place] for place in places] if self.names else (),
            sequence=None if self.sequence is None else self.sequence[kept],
            group=None if self.group is None else self.group[kept],
            limits=limits,
        )

    def part(self, kind: str, member: int = 0) -> Tensor:
        """Return the columns of a kind that `score` returned, (N, K_kind) float32.

        Raises:
            KeyError: `score` returned no such columns.
        """
        start = 0
        for name, width in self.columns.items():
            if name == kind:
                return self.value[member, :, start : start + width]
            start += width
        raise KeyError(kind)

    @property
    def embedding(self) -> Tensor:
        """(N, D) float32: `features`, where there are any, else the embeddings that `score` returned."""
        return self.part("embedding") if self.features is None else self.features


class Selection(NamedTuple):
    """The images to label next.

    Attributes:
        indices: positions in the full training set, in order of selection.
        scores: one number for each position, on the strategy's own scale.
        note: what the run should say about this choice, in a line; "" for nothing.
    """

    indices: list[int]
    scores: list[float]
    note: str = ""
