"""What a selection saw, kept beside what it chose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from al_lightning.results.files import write_atomic

LARGEST = 16_000_000
"""Numbers kept per cycle (64 MB); of larger embeddings an even sample of rows stays, the chosen always among them."""


def save_rows(
    path: Path,
    index: npt.NDArray[np.int64],
    labelled: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float32],
    chosen: list[int],
) -> None:
    """Write rows.npz atomically: index (N,), labelled (N,), value (M, N, K) and chosen.

    Args:
        path: the file.
        index: positions, ascending.
        labelled: whether each was labelled.
        value: scores or embeddings.
        chosen: positions chosen, in order.
    """
    if value.size > LARGEST:
        room = max(len(chosen), LARGEST * len(index) // value.size)
        keep = np.isin(index, chosen)
        keep[np.linspace(0, len(index) - 1, max(0, room - len(chosen)), dtype=np.int64)] = True
        index, labelled, value = index[keep], labelled[keep], value[:, keep]
    arrays: dict[str, Any] = {"index": index, "labelled": labelled, "value": value, "chosen": np.asarray(chosen)}
    write_atomic(path, lambda file: np.savez(file, **arrays))
