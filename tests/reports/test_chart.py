"""The axes of a chart."""

from __future__ import annotations

from al_lightning.reports.chart import nice_ticks


def test_ticks_are_round_and_reach_around() -> None:
    assert nice_ticks(31.2, 38.7) == [30, 32, 34, 36, 38, 40]
    assert nice_ticks(50, 50)[0] <= 50 <= nice_ticks(50, 50)[-1]
