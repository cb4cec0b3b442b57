"""What a run leaves behind, and what it says: the journal, the area under the curve, tables. No torch."""

from al_lightning.results.journal import CycleRecord, RunRecord, read_run
from al_lightning.results.metrics import Curve, area, curve_of
from al_lightning.results.store import RunStore

__all__ = ["Curve", "CycleRecord", "RunRecord", "RunStore", "area", "curve_of", "read_run"]
