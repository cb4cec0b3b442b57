"""Inputs of selections, for the mathematics of strategies."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.acquisition.limits import Allowed
from al_lightning.types import Limits, SelectionInputs


def allowed(size: int, labelled: tuple[int, ...] = (), group: Tensor | None = None, most: int = 1) -> Allowed:
    """Rows of which some are labelled; with groups, of each of which a batch may have `most`."""
    empty = torch.empty(0, dtype=torch.int64)
    limits = None if group is None else Limits(group[None], (most,), 0, empty, empty, empty)
    mask = torch.zeros(size, dtype=torch.bool)
    mask[list(labelled)] = True
    return Allowed(SelectionInputs(torch.arange(size), mask, torch.empty(1, size, 0), limits=limits))
