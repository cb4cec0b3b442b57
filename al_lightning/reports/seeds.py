"""How many seeds would show the differences that a page could not tell from chance."""

from __future__ import annotations

from collections.abc import Sequence

from al_lightning.reports.numbers import signed
from al_lightning.results.comparison import MANY, Comparison
from al_lightning.results.inference import POWER
from al_lightning.results.statistics import seeds_needed

PLANNED = 30
"""Most seeds that are planned with, where a command does not say how many it makes by itself."""


def further_seeds(unclear: Sequence[Comparison], most: int) -> tuple[str, int]:
    """Return how many seeds would show differences of the measured size, in words and as a number; 0 where none would.

    Args:
        unclear: comparisons of two or more seeds that showed nothing.
        most: seeds, beyond which nothing is planned.
    """
    power = f"with {100 * POWER:.4g} % probability"
    texts, counts, small = [], [0], []
    for each in unclear:
        if not each.tests:
            doubt = "which gives no measure of chance: check that the runs are no copies, and run another seed"
            texts.append(f"{_measured(each)}, {doubt}.")
            counts.append(each.seeds + 1)
        elif (needed := seeds_needed(each, most)) is None:
            small.append(each)
        else:
            stay = "If mean and deviation stay as they are"
            texts.append(f"{_measured(each)}, within chance. {stay}, about {needed} seeds would show it {power}.")
            counts.append(needed)
    if small:
        stay, them = ("If these differences stay", "them") if len(small) > 1 else ("If the difference stays", "it")
        small_ones = "; ".join(map(_measured, small))
        texts.append(
            f"{small_ones}, within chance. {stay} that small, even {most} seeds would not show {them} {power}."
        )
        if min(each.seeds for each in small) < MANY:
            texts.append("But so few seeds tell the size of a difference roughly; more of them tell it better.")
            counts.append(most)
    return " ".join(texts), max(counts)


def _measured(comparison: Comparison) -> str:
    difference = f"{signed(comparison)} points over {comparison.seeds} seeds"
    return f"{comparison.method} against {comparison.baseline} is {difference}"
