"""A run that kept what its selection saw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from al_lightning.runs.journal import Run
from al_lightning.runs.scores import SeenRows
from al_lightning.runs.store import RunStore
from tests.support.reported_runs import a_run


def seen_by(
    tmp_path: Path,
    value: np.ndarray,
    labelled: list[int],
    chosen: list[int],
    said: list[float | None],
    columns: Mapping[str, int] | None = None,
) -> Run:
    """A run of one acquisition, in a directory that holds what its selection saw: a score, or an embedding."""
    run, index = a_run("street_coreset", 0, (40, 50), [chosen]), np.arange(value.shape[1])
    columns = columns or {"score" if value.shape[2] == 1 else "embedding": value.shape[2]}
    store = RunStore(tmp_path)
    store.begin(run.record)
    store.label_initial(run.labelled_at(0))
    store.save_rows(0, SeenRows(index, np.isin(index, labelled), value, columns), chosen)
    store.save_selection(0, (chosen, [np.nan if score is None else score for score in said]))
    return Run(tmp_path, run.record, run.initial, run.cycles)
