"""How many labels a curve needs to reach a target, and what one method saves against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal


@dataclass(frozen=True)
class LabelCost:
    """How many labelled images a curve needs to reach a target.

    Attributes:
        labels: that many, between two budgets by linear interpolation; None where the curve never reaches it.
        at_most: whether the curve's first point reaches it already, so that fewer may do.
    """

    labels: float | None
    at_most: bool = False

    def __str__(self) -> str:
        if self.labels is None:
            return "never"
        return f"{'at most ' * self.at_most}{self.labels:.0f}"


@dataclass(frozen=True)
class Saving:
    """How many labelled images a method saves against another, until both reach a target.

    Attributes:
        images: that many, negative where it needs more; None where one of the two never reaches the target, or both
            reach it with their first point.
        share: `images` as a fraction of what the other needs; None as `images`.
        bound: "exactly" up to interpolation; "at least" where the method's first point reaches the target already, "at
            most" where the other's does.
        reason: why there is no number; empty where there is one.
    """

    images: float | None
    share: float | None
    bound: Literal["exactly", "at least", "at most"] = "exactly"
    reason: str = ""

    def __str__(self) -> str:
        if self.images is None or self.share is None:
            return self.reason
        head = "" if self.bound == "exactly" else f"{self.bound} "
        return f"{head}{self.images:.0f} images ({100 * self.share:.0f} %)"


def label_cost(labelled: Sequence[int], values: Sequence[float], target: float) -> LabelCost:
    """Return with how many labelled images a curve first reaches a target, by linear interpolation.

    Args:
        labelled: numbers of labelled images, ascending, (N,).
        values: the metric at each, (N,).
        target: in the unit of `values`. A curve that falls below it later has reached it nevertheless.
    """
    if values and values[0] >= target:
        return LabelCost(float(labelled[0]), at_most=True)
    for (n0, v0), (n1, v1) in pairwise(zip(labelled, values, strict=True)):
        if v1 >= target:
            return LabelCost(n0 + (n1 - n0) * (target - v0) / (v1 - v0))
    return LabelCost(None)


def saving(mine: LabelCost, theirs: LabelCost, method: str, other: str) -> Saving:
    """Return what a method of one cost saves against another; their names are for the reason, where there is one."""
    if mine.labels is None or theirs.labels is None:
        never = [name for name, cost in ((method, mine), (other, theirs)) if cost.labels is None]
        return Saving(None, None, reason=f"{' and '.join(never)} never reached it")
    if mine.at_most and theirs.at_most:
        return Saving(None, None, reason="both reached it with their first labels")
    images = theirs.labels - mine.labels
    bound: Literal["exactly", "at least", "at most"] = "exactly"
    if mine.at_most or theirs.at_most:
        bound = "at least" if mine.at_most else "at most"
    return Saving(images, images / theirs.labels, bound)
