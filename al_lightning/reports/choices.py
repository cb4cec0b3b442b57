"""The choices in numbers: a table over all strategies, and the classes of each strategy's choices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from al_lightning.drawing import palette
from al_lightning.reports.findings import Findings
from al_lightning.reports.numbers import Dataset
from al_lightning.results.renderers import mean_text


def overview(dataset: Dataset, findings: Findings) -> list[list[str]]:
    """Return scenes, near-duplicates and rare classes, the heads first, then a row per strategy; [] without choices."""
    most = max((len(batches) for by_seed in findings.batches.values() for batches in by_seed.values()), default=0)
    if not most:
        return []
    scenes, rare = bool(findings.scenes), bool(findings.rare.any())
    rows = [
        [
            "strategy",
            *([f"scenes behind batch 1\n(of {findings.scenes})"] if scenes else []),
            *(f"near-duplicates\nin batch {number + 1}" for number in range(most)),
            *(["rare classes,\nchosen / pool"] if rare else []),
        ]
    ]
    for label in (method.label for method in dataset.methods):
        firsts, by_seed = findings.firsts(label), findings.batches.get(label, {}).values()
        if not firsts:
            continue
        row = [label]
        row += [mean_text([batch.scenes for batch in firsts if batch.scenes is not None], 1)] if scenes else []
        for number in range(most):
            shares = [100 * batches[number].repeated for batches in by_seed if len(batches) > number]
            row.append(f"{mean_text(shares, 0)} %" if shares else "–")
        ratio = findings.rare_ratio(label)
        row += [f"×{ratio:.2f}" if ratio is not None else "–"] if rare else []
        rows.append(row)
    return rows


class Bar(NamedTuple):
    """A class: its name, colour, shares of the pool and of a strategy's choices, and whether it is rare in the pool."""

    name: str
    colour: str
    pool: float
    chosen: float
    rare: bool


def bars(label: str, findings: Findings) -> list[Bar]:
    """Return the classes' shares, 0 to 1, of the pool and of a strategy's choices, the most frequent class first."""
    pool, chosen, rare, colours = findings.share(), findings.share(label), findings.rare, class_colours(findings)
    return [
        Bar(findings.classes[at], colours[at], float(pool[at]), float(chosen[at]), bool(rare[at]))
        for at in np.argsort(-pool, kind="stable").tolist()
    ]


def class_colours(findings: Findings) -> list[str]:
    """Return the colour of each class, #rrggbb."""
    return ["#" + bytes(colour).hex() for colour in palette(len(findings.classes)).tolist()]
