"""Types of the tensors that modules exchange, with shape, dtype and unit.

B images per batch, C classes, D features, H x W pixels, K numbers per score, M members, N scored images.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["Batch", "Features", "NetworkOutput", "Selection", "SelectionInputs"]


class Batch(NamedTuple):
    """Images and their labels.

    Attributes:
        image: (B, 3, H, W); uint8 as loaded, normalised float32 on the device.
        label: (B,) int64 class, or (B, H, W) uint8 class per pixel with 255 = ignore.
        index: (B,) int64 position in the full training (or test) set; -1 marks padding.
    """

    image: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a batch


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


class SelectionInputs(NamedTuple):
    """The input of a strategy's `select`.

    Attributes:
        index: (N,) int64 positions in the full training set, ascending, unique.
        labelled: (N,) bool; labelled rows are context (for core-set) and are never chosen.
        value: (M, N, K) float32, the values that `score` returned, by member and image; K is 0 without a network.
    """

    index: Tensor  # type: ignore[assignment]  # hides tuple.index
    labelled: Tensor
    value: Tensor


class Selection(NamedTuple):
    """The images to label next.

    Attributes:
        indices: positions in the full training set, in order of selection.
        scores: one number for each position, on the strategy's own scale.
    """

    indices: list[int]
    scores: list[float]
