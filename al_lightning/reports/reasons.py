"""Why the strategies chose what they chose, in numbers: repetition in a batch, agreement of runs, the pool's map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from al_lightning.inspect.collapse import Collapse
from al_lightning.inspect.embedding_map import DESCRIBED, MOST_POINTS, Map, Scores
from al_lightning.inspect.overlap import Overlap, overlap_of_runs
from al_lightning.reports.findings import Findings, first_runs
from al_lightning.reports.numbers import Dataset
from al_lightning.results.renderers import mean_text
from al_lightning.results.series import Series
from al_lightning.runs.journal import Run

SIDE = 240
"""Width and height of a map, in its own units."""
EDGE = 8
Cell = str | tuple[str, str]
"""A table's cell; of a pair, the second stands small and in brackets."""


def score_axis(scores: Scores) -> Mapping[str, Any]:
    """Return a batch's scores on one line, 400 units long, for `axis.svg.jinja`.

    Returns:
        `floor`, the line's height; `bars`, the path of all candidates, where they are known; `ticks`, the path of the
        chosen; `low`, `high`, `least` and `most`: ends of the scale, and of the chosen, as text.
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
    """Return a score with four significant digits, so that lists of them line up."""
    return f"{score:#.4g}".rstrip(".")


def repetition(dataset: Dataset, findings: Findings) -> list[list[Cell]]:
    """Return the mode-collapse indices, the heads first, then a row per strategy; [] where nothing was chosen."""
    found = {
        method.label: [[batch.collapse for batch in one] for one in findings.batches.get(method.label, {}).values()]
        for method in dataset.methods
    }
    most = max((len(one) for runs in found.values() for one in runs), default=0)
    if not most:
        return []
    rows: list[list[Cell]] = [
        [
            "strategy",
            *(["scenes, batch 1\n(at random)"] if findings.scenes else []),
            *(f"batch {number + 1}\n(own − random)" for number in range(most)),
            "random ones as\nrepetitive as batch 1",
        ]
    ]
    for label, runs in found.items():
        batches = [[one[place] for one in runs if len(one) > place] for place in range(most)]
        if not batches[0]:
            continue
        row: list[Cell] = [label]
        if findings.scenes:
            scenes = [one.scenes for one in batches[0] if one.scenes is not None]
            by_chance = [one.scenes_expected for one in batches[0] if one.scenes_expected is not None]
            row.append((mean_text(scenes, 1), f"{fmean(by_chance):.1f}") if scenes else "–")
        row += [_index(batch) for batch in batches]
        rows.append([*row, f"{100 * fmean(one.as_repetitive for one in batches[0]):.0f} %"])
    return rows


def thinned(findings: Findings) -> int | None:
    """Return how many images of a large batch were judged; None where all batches were judged whole."""
    batches = [batch for by_seed in findings.batches.values() for one in by_seed.values() for batch in one]
    if all(batch.collapse.judged == len(batch.chosen) for batch in batches):
        return None
    return max(batch.collapse.judged for batch in batches)


def _index(batch: Sequence[Collapse]) -> Cell:
    if not batch:
        return "–"
    values = [100 * one.index for one in batch]
    text = mean_text(values, 0).replace("-", "−")
    text = text.replace("−0 ", "0 ") if text.startswith("−0 ") else "0" if text == "−0" else text
    sign = "+" if fmean(values) >= 0.5 else ""
    own, chance = (100 * fmean(part) for part in ([one.share for one in batch], [one.expected for one in batch]))
    return f"{sign}{text}", f"{own:.0f} − {chance:.0f}"


def agreement(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the matrices of what strategies, and seeds of one strategy, chose in common: of one batch, and of all.

    Returns:
        For each matrix `batches` and `images` of a choice, and `rows`: a method's label with the overlaps of its runs
        and those of each method up to itself.
    """
    counts = [max(sum(1 for cycle in run.cycles if cycle.chosen) for run in method.runs) for method in dataset.methods]
    methods = [method for method, count in zip(dataset.methods, counts, strict=True) if count]
    if not methods or (len(methods) == 1 and len(methods[0].runs) == 1):
        return []
    least = min(count for count in counts if count)
    return [_matrix(methods, batches) for batches in dict.fromkeys((1, least))]


def _matrix(methods: Sequence[Series], batches: int) -> Mapping[str, Any]:
    rows = [
        (one.label, [_overlaps(one, other, batches) for other in methods[: place + 1]])
        for place, one in enumerate(methods)
    ]
    return {
        "batches": batches,
        "images": next((cell[0].first for _, cells in rows for cell in cells if cell), 0),
        "rows": [(label, [_cell(cell) for cell in cells]) for label, cells in rows],
    }


def _overlaps(one: Series, other: Series, batches: int) -> list[Overlap]:
    if one is other:
        pairs = [(first, second) for place, second in enumerate(one.runs) for first in one.runs[:place]]
    else:
        theirs = {run.record.seed: run for run in other.runs}
        pairs = [(run, theirs[run.record.seed]) for run in one.runs if run.record.seed in theirs]
    return [found for first, second in pairs if (found := overlap_of_runs(first, second, batches)) is not None]


def _cell(found: Sequence[Overlap]) -> Mapping[str, Any] | None:
    """Return a cell, the darker the further the agreement is above chance; None where no two runs compare."""
    if not found:
        return None
    share, chance = fmean(one.share for one in found), fmean(one.expected_share for one in found)
    dark = round(55 * max(0.0, share - chance) / max(1e-9, 1 - chance))
    return {"share": share, "chance": chance, "dark": dark, "overlaps": found[:5]}


def pool_map(dataset: Dataset, drawn: Map) -> Mapping[str, Any]:
    """Return the pool as points, and for each strategy the path of its first batch and of what was labelled before.

    Args:
        dataset: the runs.
        drawn: the map of their pool.

    Returns:
        `size`, the number of points; `cut`, whether the pool has more; `box`, the view box; `cloud`, the path of all
        points; `source`, the name of the run whose embeddings these are, or None; `seed`; and `figures`: of each
        strategy `label`, `count` of chosen images, paths `before` and `chosen`, and `other`, whether its network is
        another one than the source's.
    """
    inner = SIDE - 2 * EDGE
    points = zip(drawn.index.tolist(), drawn.place.tolist(), strict=True)
    place = {index: f"M{EDGE + inner * x:.1f},{EDGE + inner * y:.1f}h0" for index, (x, y) in points}
    low, high = float(drawn.place[:, 1].min()), float(drawn.place[:, 1].max())
    runs = first_runs(dataset)
    return {
        "size": len(place),
        "cut": len(place) >= (DESCRIBED if drawn.source is None else MOST_POINTS),
        "box": f"0 {inner * low:.1f} {SIDE} {inner * (high - low) + 2 * EDGE:.1f}",
        "cloud": "".join(place.values()),
        "source": None if drawn.source is None else drawn.source.record.name,
        "seed": next(iter(runs.values())).record.seed,
        "figures": [
            {
                "label": label,
                "count": len(run.cycles[0].chosen),
                "before": "".join(place.get(index, "") for index in run.labelled_at(0)),
                "chosen": "".join(place.get(index, "") for index in run.cycles[0].chosen),
                "other": drawn.source is not None and not _one_network(run, drawn.source),
            }
            for label, run in runs.items()
        ],
    }


def _one_network(run: Run, source: Run) -> bool:
    """Return whether two runs' first fits gave one network: they then test alike, to the last digit."""
    return run.cycles[0].metrics == source.cycles[0].metrics
