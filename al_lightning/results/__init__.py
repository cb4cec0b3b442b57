"""What a run leaves behind, and what it says: the journal, curves by method and seed, tables, comparisons. No torch."""

from al_lightning.results.journal import CycleRecord, RunRecord, read_run
from al_lightning.results.metrics import Curve, area, curve_of
from al_lightning.results.series import Series, series_of_runs
from al_lightning.results.series_csv import read_csv
from al_lightning.results.store import RunStore

__all__ = [
    "Curve",
    "CycleRecord",
    "RunRecord",
    "RunStore",
    "Series",
    "area",
    "curve_of",
    "read_csv",
    "read_run",
    "series_of_runs",
]
