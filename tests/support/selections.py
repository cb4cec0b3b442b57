"""Inputs of selections, for the mathematics of strategies."""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.acquisition.limits import Allowed
from al_lightning.types import Limits, LinearHead, SelectionInputs


def allowed(size: int, labelled: tuple[int, ...] = (), group: Tensor | None = None, most: int = 1) -> Allowed:
    """Rows of which some are labelled; with groups, of each of which a batch may have `most`."""
    return Allowed(_rows(size, labelled, group, most))


def _rows(size: int, labelled: tuple[int, ...], group: Tensor | None, most: int) -> SelectionInputs:
    empty = torch.empty(0, dtype=torch.int64)
    limits = None if group is None else Limits(group[None], (most,), 0, empty, empty, empty)
    mask = torch.zeros(size, dtype=torch.bool)
    mask[list(labelled)] = True
    return SelectionInputs(torch.arange(size), mask, torch.empty(1, size, 0), limits=limits)


def inputs(
    labelled: tuple[int, ...] = (), group: Tensor | None = None, head: LinearHead | None = None, **parts: Tensor
) -> SelectionInputs:
    """Rows at positions 0, 1, ... whose columns are the parts, (N,) or (N, K) each; with groups, at most one of each.

    With labelled rows, `shares` puts them into classes 0, 1, 0, 1, ...
    """
    columns = {kind: part.float() if part.ndim > 1 else part.float()[:, None] for kind, part in parts.items()}
    size = len(next(iter(columns.values())))
    shares = torch.full((size, 2), torch.nan)
    for number, row in enumerate(labelled):
        shares[row] = torch.tensor([1.0 - number % 2, number % 2])
    return _rows(size, labelled, group, 1)._replace(
        value=torch.cat(list(columns.values()), dim=1)[None],
        columns={kind: part.shape[1] for kind, part in columns.items()},
        shares=shares,
        head=head,
    )
