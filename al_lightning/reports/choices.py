"""The choices in numbers: scenes, repetition, classes, scores, agreement of runs, and the map of the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from al_lightning.drawing import palette
from al_lightning.inspect.collapse import Collapse
from al_lightning.inspect.embedding_map import DESCRIBED, MOST_POINTS, Map, Scores
from al_lightning.inspect.overlap import Overlap, overlap_of_runs
from al_lightning.reports.findings import Findings, first_runs
from al_lightning.reports.numbers import Dataset
from al_lightning.results.renderers import MINUS, mean_text
from al_lightning.results.series import Series

SIDE = 240
"""Width and height of a map, in its own units."""
EDGE = 8
Cell = str | tuple[str, str]
"""A table's cell; the second text of a pair is shown small and in brackets."""


def overview(dataset: Dataset, findings: Findings) -> list[list[str]]:
    """Return scenes, near-duplicates and rare classes, the heads first, then a row per strategy; [] without any."""
    if not (most := findings.most_batches):
        return []
    scenes, rare = bool(findings.scenes), bool(findings.rare.any())
    rows = [
        [
            "strategy",
            *([f"scenes behind batch 1\n(of {findings.scenes})"] if scenes else []),
            *(f"near-duplicates\nin batch {number + 1}" for number in range(most if findings.repetitive else 0)),
            *(["rare classes,\nchosen / pool"] if rare else []),
        ]
    ]
    for label in (method.label for method in dataset.methods):
        firsts, by_seed = findings.firsts(label), findings.batches[label].values()
        if not firsts:
            continue
        row = [label]
        row += [mean_text([n for batch in firsts if (n := batch.collapse.scenes) is not None], 1)] if scenes else []
        for number in range(most if findings.repetitive else 0):
            shares = [100 * batches[number].repeated for batches in by_seed if len(batches) > number]
            row.append(f"{mean_text(shares, 0)} %" if shares else "–")
        ratio = findings.rare_ratio(label)
        row += [f"×{ratio:.2f}" if ratio is not None else "–"] if rare else []
        rows.append(row)
    return rows if len(rows[0]) > 1 else []


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


def score_axis(scores: Scores) -> Mapping[str, Any]:
    """Return a batch's scores on one line, 400 units long, for the macro `axis` of choices.html.jinja.

    Returns:
        `floor`, the line's height; `bars`, the path of all candidates, where they are known; `ticks`, the path of the
        chosen images; `low` and `high`, the ends of the scale, `least` and `most`, of the chosen images, as text.
    """
    left, right, floor = 4, 396, 30 if scores.among else 2
    span = scores.high - scores.low
    wide, most = (right - left) / max(1, len(scores.among)), max(scores.among, default=1)
    bars = "".join(
        f"M{left + at * wide:.1f},{floor}v{-max(1.0, 26 * count / most):.1f}h{wide - 1:.1f}V{floor}z"
        for at, count in enumerate(scores.among)
        if count
    )
    known = [score for score in scores.chosen if score is not None]
    places = [left + (right - left) * ((score - scores.low) / span if span else 0.5) for score in known]
    return {
        "floor": floor,
        "bars": bars,
        "ticks": "".join(f"M{place:.1f},{floor + 2}v10" for place in places),
        "low": digits(scores.low),
        "high": digits(scores.high),
        "least": digits(min(known)),
        "most": digits(max(known)),
    }


def digits(score: float) -> str:
    """Return a score with four significant digits, so that lists of scores line up."""
    return f"{score:#.4g}".rstrip(".")


def repetition(dataset: Dataset, findings: Findings) -> list[list[Cell]]:
    """Return the mode-collapse indices, the heads first, then a row per strategy; [] where nothing repeats."""
    if not (most := findings.most_batches) or not findings.repetitive:
        return []
    rows: list[list[Cell]] = [
        [
            "strategy",
            *(["scenes, batch 1\n(at random)"] if findings.scenes else []),
            *(f"batch {number + 1}\n(own − random)" for number in range(most)),
            "random ones as\nrepetitive as batch 1",
        ]
    ]
    for label in (method.label for method in dataset.methods):
        runs = findings.batches[label].values()
        batches = [[run[place].collapse for run in runs if len(run) > place] for place in range(most)]
        if not batches[0]:
            continue
        row: list[Cell] = [label]
        if findings.scenes:
            scenes = [each.scenes for each in batches[0] if each.scenes is not None]
            by_chance = [each.scenes_expected for each in batches[0] if each.scenes_expected is not None]
            row.append((mean_text(scenes, 1), f"{fmean(by_chance):.1f}") if scenes else "–")
        row += [_index(batch) for batch in batches]
        repeats = any(each.share for each in batches[0])  # where nothing repeats, any random batch repeats as much
        rows.append([*row, f"{100 * fmean(each.as_repetitive for each in batches[0]):.0f} %" if repeats else "–"])
    return rows


def thinned(findings: Findings) -> int | None:
    """Return how many images of a large batch were judged; None where every batch was judged whole."""
    batches = [batch for by_seed in findings.batches.values() for run in by_seed.values() for batch in run]
    if all(batch.collapse.judged == len(batch.chosen) for batch in batches):
        return None
    return max(batch.collapse.judged for batch in batches)


def _index(batch: Sequence[Collapse]) -> Cell:
    if not batch:
        return "–"
    values = [100 * each.index for each in batch]
    text = mean_text(values, 0).replace("-", MINUS)
    sign = "+" if fmean(values) >= 0.5 else ""
    own, chance = (100 * fmean(part) for part in ([each.share for each in batch], [each.expected for each in batch]))
    return f"{sign}{text}", f"{own:.0f} − {chance:.0f}"


def agreement(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return matrices of the common choices of strategies, and of seeds of a strategy: for one batch, and for all.

    Returns:
        For each matrix `batches` and `images` of a choice, `chance`, what random choices agree in, and `rows`: a
        method's label with a cell for each method up to the method itself. A matrix without any pair is left out.
    """
    counts = [max(sum(1 for cycle in run.cycles if cycle.chosen) for run in method.runs) for method in dataset.methods]
    methods = [method for method, count in zip(dataset.methods, counts, strict=True) if count]
    if not methods or (len(methods) == 1 and len(methods[0].runs) == 1):
        return []
    least = min(count for count in counts if count)
    matrices = [_matrix(methods, batches) for batches in dict.fromkeys((1, least))]
    return [matrix for matrix in matrices if matrix["chance"]]


def _matrix(methods: Sequence[Series], batches: int) -> Mapping[str, Any]:
    rows = [
        (method.label, [_overlaps(method, other, batches) for other in methods[: place + 1]])
        for place, method in enumerate(methods)
    ]
    by_chance = [100 * overlap.expected_share for _, cells in rows for cell in cells for overlap in cell]
    return {
        "batches": batches,
        "chance": " to ".join(dict.fromkeys(f"{end(by_chance):.0f}" for end in (min, max) if by_chance))
        + " %" * bool(by_chance),
        "images": next((cell[0].first for _, cells in rows for cell in cells if cell), 0),
        "rows": [(label, [_cell(cell) for cell in cells]) for label, cells in rows],
    }


def _overlaps(method: Series, other: Series, batches: int) -> list[Overlap]:
    if method is other:
        pairs = list(combinations(method.runs, 2))
    else:
        pairs = [pair for pair in product(method.runs, other.runs) if pair[0].record.seed == pair[1].record.seed]
    return [overlap for pair in pairs if (overlap := overlap_of_runs(*pair, batches)) is not None]


def _cell(overlaps: Sequence[Overlap]) -> Mapping[str, Any] | None:
    """Return a cell, the darker the more the agreement exceeds chance; None where no two runs compare."""
    if not overlaps:
        return None
    share, chance = fmean(each.share for each in overlaps), fmean(each.expected_share for each in overlaps)
    dark = round(55 * max(0.0, share - chance) / max(1e-9, 1 - chance))
    return {"share": share, "chance": chance, "dark": dark, "overlaps": overlaps[:5]}


def pool_map(dataset: Dataset, drawn: Map) -> Mapping[str, Any]:
    """Return the pool as points, and for each strategy the paths of its first batch and of the earlier labels.

    Returns:
        `size`, the number of points; `cut`, whether the pool has more; `box`, the view box; `cloud`, the path of all
        points; `source`, the name of the run that the embeddings are from, or None; `features`, whether they are stored
        features; `seed`; and `figures`: of each
        strategy `label`, `count` of chosen images, paths `before` and `chosen`, and `other`, whether its network
        differs from the source's.
    """
    inner = SIDE - 2 * EDGE
    points = zip(drawn.index.tolist(), drawn.place.tolist(), strict=True)
    place = {index: f"M{EDGE + inner * x:.1f},{EDGE + inner * y:.1f}h0" for index, (x, y) in points}
    low, high = float(drawn.place[:, 1].min()), float(drawn.place[:, 1].max())
    runs = first_runs(dataset)
    return {
        "size": len(place),
        "cut": len(place) >= (DESCRIBED if drawn.source is None and not drawn.features else MOST_POINTS),
        "box": f"0 {inner * low:.1f} {SIDE} {inner * (high - low) + 2 * EDGE:.1f}",
        "cloud": "".join(place.values()),
        "source": None if drawn.source is None else drawn.source.record.name,
        "features": drawn.features,
        "seed": next(iter(runs.values())).record.seed,
        "figures": [
            {
                "label": label,
                "count": len(run.cycles[0].chosen),
                "before": "".join(place.get(index, "") for index in run.labelled_at(0)),
                "chosen": "".join(place.get(index, "") for index in run.cycles[0].chosen),
                # Equal networks test alike, to the last digit.
                "other": drawn.source is not None and run.cycles[0].metrics != drawn.source.cycles[0].metrics,
            }
            for label, run in runs.items()
        ],
    }
