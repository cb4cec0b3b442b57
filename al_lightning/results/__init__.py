"""What runs say: curves by method and seed, statistics, comparisons, conditions. No torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from al_lightning.results.curves import Curve, area, curve_of
from al_lightning.results.series import Series, mean_heights, savings, series_of_runs
from al_lightning.results.series_csv import read_csv
from al_lightning.runs.journal import CycleRecord, Run, RunRecord, read_run
from al_lightning.runs.store import RunStore

if TYPE_CHECKING:
    from al_lightning.results.conditions import conditions_of
    from al_lightning.results.statistics import compare, compare_settings

__all__ = [
    "Curve",
    "CycleRecord",
    "Run",
    "RunRecord",
    "RunStore",
    "Series",
    "area",
    "compare",
    "compare_settings",
    "conditions_of",
    "curve_of",
    "mean_heights",
    "read_csv",
    "read_run",
    "savings",
    "series_of_runs",
]
# What needs scipy is loaded on first use: `al-lightning --help` does not wait for it.
_LATER = {"compare": "statistics", "compare_settings": "statistics", "conditions_of": "conditions"}


def __getattr__(name: str) -> Any:
    """Load a comparison's module on first use."""
    if name in _LATER:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
