"""Whether a comparison of runs is fair, with all that the configs say of it. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from al_lightning.config.names import own_or_shipped, settings_of
from al_lightning.results.conditions import Condition, conditions_of
from al_lightning.results.regimes import read_regimes
from al_lightning.runs.journal import Run

__all__ = ["fairness"]


def fairness(runs: Sequence[Run], named: Iterable[Run] | None = None) -> list[Condition]:
    """Return the conditions of a fair comparison of some runs.

    Args:
        runs: to be compared.
        named: those which should have the settings of their names' configs; by default all.
    """
    resolved = settings_of(run.record for run in (runs if named is None else named))
    return conditions_of(runs, resolved=resolved, regimes=read_regimes(own_or_shipped("rules.yaml")))
