"""How many labels a curve needs to reach a target, and how many a method saves against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal


@dataclass(frozen=True)
class LabelCost:
    """How many labelled images a curve needs to reach a target.

    Attributes:
        labels: the number, by linear interpolation between two budgets; None where the curve never reaches the target.
        at_most: whether the curve's first point reaches the target already, so that fewer labels may do.
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
        images: the number, negative where the method needs more; None where one of the two never reaches the target,
            or both reach it with their first point.
        share: `images` as a fraction of what the other method needs; None as `images`.
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


def label_cost(
    labelled: Sequence[int], values: Sequence[float], target: float, *, higher_is_better: bool = True
) -> LabelCost:
    """Return with how many labelled images a curve first reaches a target, by linear interpolation.

    Args:
        labelled: numbers of labelled images, ascending, (N,).
        values: the metric at each, (N,).
        target: in the unit of `values`. A curve that gets worse again has reached the target nevertheless.
        higher_is_better: whether values from the target up reach it; otherwise those from the target down do.
    """
    reached = [value >= target if higher_is_better else value <= target for value in values]
    if reached[:1] == [True]:
        return LabelCost(float(labelled[0]), at_most=True)
    for (n0, v0, _), (n1, v1, reached_next) in pairwise(zip(labelled, values, reached, strict=True)):
        if reached_next:
            return LabelCost(n0 + (n1 - n0) * (target - v0) / (v1 - v0))
    return LabelCost(None)


def saving(cost: LabelCost, baseline_cost: LabelCost, method: str, baseline: str) -> Saving:
    """Return what a method saves against a baseline, from their costs; a reason for no number has the names."""
    if cost.labels is None or baseline_cost.labels is None:
        never = [name for name, each in ((method, cost), (baseline, baseline_cost)) if each.labels is None]
        return Saving(None, None, reason=f"{' and '.join(never)} never reached it")
    if cost.at_most and baseline_cost.at_most:
        return Saving(None, None, reason="both reached it with their first labels")
    images = baseline_cost.labels - cost.labels
    bound: Literal["exactly", "at least", "at most"] = "exactly"
    if cost.at_most or baseline_cost.at_most:
        bound = "at least" if cost.at_most else "at most"
    return Saving(images, images / baseline_cost.labels, bound)
