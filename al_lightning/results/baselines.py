"""Which method of a setting each method is compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from al_lightning.results.series import CHANCE, Series

ANCHORS = (*CHANCE, "coreset_mcd")
"""Strategies that the others with the same network are compared with: the first of these that was run.

The last is for networks with dropout, of which the paper has no Random: BALD is then held against core-set. Between
them comes Random with the method's own cold start and constraints: `random_from_typiclust` for `margin_from_typiclust`.
"""


def base_of(series: Series, methods: Iterable[Series]) -> Series | None:
    """Return the method of a setting that a method is compared with; None where there is none.

    Both have the same network: with dropout or without. It is Random with the same training, else Random; `random_uda`
    is compared with `random`. Where no Random was run with that network, core-set stands for it (`ANCHORS`).

    Where all runs have a cold start or constraints, Random with the same ones is the baseline.

    Of several baselines that differ by their settings alone, it is the one whose settings are most like the method's.
    `random` with other settings is compared with the first `random` of that training.
    """
    like = [each for each in methods if each.dropout == series.dropout]
    anchors = (*CHANCE, *(f"{each}{series.additions}" for each in CHANCE), *ANCHORS)
    anchor = next((each for each in anchors if any(other.strategy == each for other in like)), "")
    bases = [each for each in like if each.strategy == anchor]
    words = series.method.removeprefix(series.strategy).split("_")[1:]
    for name in ("_".join([anchor, *words[at:]]) for at in range(len(words) + 1)):
        if same := [each for each in bases if each.method == name]:
            own = name == series.method
            nearest = same[0] if own else min(same, key=lambda base: len(series.differences_from(base)))
            if nearest.label != series.label:
                return nearest
    return None


def chance_of(methods: Sequence[Series]) -> list[Series]:
    """Return the methods that stand for chance: Random; without it, what `base_of` takes for Random of some method."""
    bases = [base_of(each, methods) for each in methods]
    return [each for each in methods if each.by_chance] or [each for each in methods if each.draws and each in bases]


def pairs_with_base(methods: Sequence[Series], values: Collection[str]) -> list[tuple[str, str]]:
    """Return, for `statistics.compare`, the labels of each method of a setting and of the method it is compared with.

    Pairs of methods that `values`, by label, lacks are left out.
    """
    pairs = [(method.label, base.label) for method in methods if (base := base_of(method, methods)) is not None]
    return [pair for pair in pairs if pair[0] in values and pair[1] in values]
