"""How long runs took, from their journals. No torch."""

from __future__ import annotations

from al_lightning.runs.journal import Run

HOUR = 3600.0
"""Seconds that a command may take to be proposed before others."""
STAGES = ("shared", "fit", "test", "views", "score", "select")
"""Of a cycle's cost; a shared fit cost nothing here, but would have cost the same."""


def seconds_of(run: Run) -> float | None:
    """Return the seconds that a run took up to its last finished cycle; None where its journal does not tell.

    A further seed of the run takes as long on this machine; with other steps or epochs, in proportion.
    """
    if not run.cycles or not all("fit" in cycle.cost or "shared" in cycle.cost for cycle in run.cycles):
        return None
    return sum(cycle.cost.get(stage, 0.0) for cycle in run.cycles for stage in STAGES)
